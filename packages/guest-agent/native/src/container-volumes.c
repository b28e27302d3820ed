/*
 * Directories and files of the host in the container. The shares are mounted before pivot_root and attached after it, so that whatever
 * symlinks the image has lead nowhere but into the container. Read-only here is a courtesy: what protects the host is on the host.
 */
#include "container.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "mount-calls.h"

#define STAGED "/tmp/volume"

struct attached {
    int mount_fd;
    bool directory;
};

static struct attached shares[MAX_VOLUMES];

/*
 * nosuid: a file of the host's user is shown as the container user's, so its set-user-id bit means something here its owner never
 * meant. nodev: see container-mounts.c.
 */
static bool mount_share(const struct volume *volume, struct failure *failure)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | (volume->read_only ? MS_RDONLY : 0);
    if (mkdir(STAGED, 0700) != 0 && errno != EEXIST)
        return fail(failure, "internal", "volumes", errno, "making %s", STAGED);
    return mount(volume->tag, STAGED, "virtiofs", flags, NULL) == 0 ||
           fail(failure, "not_found", "volumes", errno, "mounting the share %s for %s", volume->tag, volume->destination);
}

static bool take_share(const struct volume *volume, struct attached *share, struct failure *failure)
{
    char path[sizeof STAGED + MAX_VOLUME_FILE + 1];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s%s%s", STAGED, volume->file[0] == '\0' ? "" : "/", volume->file);
    share->mount_fd = clone_mount(path);
    if (share->mount_fd < 0 || fstat(share->mount_fd, &status) != 0)
        return fail(failure, "not_found", "volumes", errno, "opening what is shared for %s", volume->destination);
    share->directory = S_ISDIR(status.st_mode);
    if (volume->file[0] == '\0' ? share->directory : S_ISREG(status.st_mode))
        return true;
    return fail(failure, "invalid_argument", "volumes", 0, "what is shared for %s is no plain file", volume->destination);
}

bool container_volumes_prepare(const struct init_request *request, struct failure *failure)
{
    for (size_t index = 0; index < request->volume_count; index++) {
        if (!mount_share(&request->volumes[index], failure) || !take_share(&request->volumes[index], &shares[index], failure))
            return false;
        /* The clone stays. */
        if (umount2(STAGED, MNT_DETACH) != 0)
            return fail(failure, "internal", "volumes", errno, "unmounting %s", STAGED);
    }
    return true;
}

static bool open_error(const char *path, struct failure *failure)
{
    bool image = errno == ELOOP || errno == ENOTDIR || errno == EEXIST || errno == EISDIR;
    return fail(failure, image ? "image_invalid" : "storage_error", "volumes", errno, "%s of the image cannot be mounted on", path);
}

/* Makes each missing directory of the path; with `all`, also its last part. */
static bool make_directories(const char *path, bool all, struct failure *failure)
{
    char prefix[MAX_VOLUME_PATH + 1];
    size_t length = strlen(path);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && !(all && end == length))
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        int fd = open_resolved(prefix, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS);
        if (fd < 0 && errno == ENOENT && mkdir(prefix, 0755) == 0)
            continue;
        if (fd < 0)
            return open_error(prefix, failure);
        (void)close(fd);
    }
    return true;
}

/* Not the kernel's own file systems: a symlink of the image must not turn a volume into the container's /proc. */
static bool may_be_covered(int target)
{
    struct statfs status;
    if (fstatfs(target, &status) != 0)
        return false;
    return status.f_type != PROC_SUPER_MAGIC && status.f_type != SYSFS_MAGIC && status.f_type != CGROUP2_SUPER_MAGIC;
}

static int open_destination(const struct volume *volume, bool directory)
{
    if (directory)
        return open_resolved(volume->destination, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS);
    int fd = open_resolved(volume->destination, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    return open_resolved(volume->destination, O_CREAT | O_EXCL | O_WRONLY, 0644, RESOLVE_NO_MAGICLINKS);
}

static bool attach(const struct volume *volume, const struct attached *share, struct failure *failure)
{
    if (!make_directories(volume->destination, share->directory, failure))
        return false;
    int target = open_destination(volume, share->directory);
    if (target < 0)
        return open_error(volume->destination, failure);
    bool allowed = may_be_covered(target);
    bool attached = allowed && attach_mount(share->mount_fd, target) == 0;
    int reason = errno;
    if (close(target) != 0 || close(share->mount_fd) != 0)
        return fail(failure, "internal", "volumes", errno, "closing %s", volume->destination);
    if (!allowed)
        return fail(failure, "image_invalid", "volumes", 0, "%s leads into a file system of the kernel", volume->destination);
    return attached || fail(failure, "storage_error", "volumes", reason, "attaching %s", volume->destination);
}

bool container_volumes_attach(const struct init_request *request, struct failure *failure)
{
    for (size_t index = 0; index < request->volume_count; index++) {
        if (!attach(&request->volumes[index], &shares[index], failure))
            return false;
    }
    return true;
}
