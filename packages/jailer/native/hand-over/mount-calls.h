#ifndef BOXLITE_HAND_OVER_MOUNT_CALLS_H
#define BOXLITE_HAND_OVER_MOUNT_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* linux/mount.h: installed headers are often older than the running kernel. */
#define ATTRIBUTE_RDONLY 0x00000001ULL
#define ATTRIBUTE_NOSUID 0x00000002ULL
#define ATTRIBUTE_NODEV 0x00000004ULL
#define ATTRIBUTE_NOEXEC 0x00000008ULL
#define ATTRIBUTE_IDMAP 0x00100000ULL

struct mount_attributes {
  uint64_t set, clear, propagation, userns_fd;
};

/* Each returns what the system call does, -1 with errno for a failure; descriptors are closed by exec. */

/* A copy of what an O_PATH descriptor names and all that is mounted below it, not attached anywhere. */
int clone_mounts(int found);
int set_mount_attributes(int mount, bool recursive, const struct mount_attributes *attributes);
/* Attaches a mount that is not attached, over what `target` names. */
int move_mount_to(int mount, int target);

/* A new file system in three steps: open, configure as often as needed, mount. */
int open_file_system(const char *type);
int configure_file_system(int context, const char *key, const char *value);
int mount_file_system(int context, uint64_t attributes);

#endif
