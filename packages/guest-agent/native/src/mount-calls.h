/* Mount calls newer than musl's wrappers (kernel: include/uapi/linux/mount.h, openat2.h). */
#ifndef BOXLITE_MOUNT_CALLS_H
#define BOXLITE_MOUNT_CALLS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOXLITE_OPEN_TREE_CLONE 1u
#define BOXLITE_MOVE_MOUNT_F_EMPTY_PATH 0x04u
#define BOXLITE_MOVE_MOUNT_T_EMPTY_PATH 0x40u

/* A detached copy of the mount of one file or directory. */
static inline int clone_mount(const char *path)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, BOXLITE_OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
}

/* Puts a detached mount on what `target` (O_PATH) names. */
static inline int attach_mount(int mount_fd, int target)
{
    return (int)syscall(SYS_move_mount, mount_fd, "", target, "", BOXLITE_MOVE_MOUNT_F_EMPTY_PATH | BOXLITE_MOVE_MOUNT_T_EMPTY_PATH);
}

/* Moves a mount of this namespace, with all below it, to what `target` (O_PATH) names. */
static inline int move_mount_to(const char *path, int target)
{
    return (int)syscall(SYS_move_mount, AT_FDCWD, path, target, "", BOXLITE_MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int open_resolved(const char *path, unsigned long long flags, unsigned long long mode, unsigned long long resolve)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

#endif
