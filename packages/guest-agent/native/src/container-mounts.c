/* What the container sees: its own /proc, /dev and /sys, with what Docker masks masked. Runs in the container's init, around pivot_root. */
#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount-calls.h"
#include "staging.h"

struct device {
    const char *name;
    unsigned major;
    unsigned minor;
    mode_t mode;
    int mount_fd;
};

/*
 * Each node comes as a bind mount of one file, so that the container's own file systems can all be nodev: a node made with mknod there
 * opens nothing, also not /dev/vda. (Docker forbids it by device cgroup, which needs BPF in the guest kernel.)
 */
static struct device devices[] = {
    { "null", 1, 3, 0666, -1 }, { "zero", 1, 5, 0666, -1 },   { "full", 1, 7, 0666, -1 },
    { "random", 1, 8, 0666, -1 }, { "urandom", 1, 9, 0666, -1 }, { "tty", 5, 0, 0666, -1 },
    /* There is no terminal behind the container's console. */
    { "console", 1, 3, 0600, -1 },
};
#define DEVICE_COUNT (sizeof devices / sizeof devices[0])

/* The container's own boot id, which a machine that continues from a capture can be given another of. */
static int boot_id_mount = -1;
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const char *const links[][2] = {
    { "/proc/self/fd", "/dev/fd" },     { "/proc/self/fd/0", "/dev/stdin" }, { "/proc/self/fd/1", "/dev/stdout" },
    { "/proc/self/fd/2", "/dev/stderr" }, { "/proc/kcore", "/dev/core" },      { "pts/ptmx", "/dev/ptmx" },
};

/* Docker's lists (moby, daemon/pkg/oci/defaults.go: MaskedPaths and ReadonlyPaths). */
static const char *const masked[] = {
    "/proc/acpi",        "/proc/asound", "/proc/interrupts", "/proc/kcore",       "/proc/keys",                    "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi",   "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
};
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool container_devices_prepare(struct failure *failure)
{
    for (size_t index = 0; index < DEVICE_COUNT; index++) {
        struct device *device = &devices[index];
        char path[64];
        (void)snprintf(path, sizeof path, STAGING "/dev-%s", device->name);
        /* EEXIST: from an attempt before this one. */
        bool made = mknod(path, S_IFCHR | device->mode, makedev(device->major, device->minor)) == 0 || errno == EEXIST;
        if (!made || chmod(path, device->mode) != 0)
            return fail(failure, "internal", "", errno, "making the device %s", device->name);
        device->mount_fd = clone_mount(path);
        if (device->mount_fd < 0)
            return fail(failure, "internal", "", errno, "cloning the device %s", device->name);
    }
    return true;
}

bool container_boot_id_prepare(struct failure *failure)
{
    boot_id_mount = clone_mount(staged_path(STAGED_BOOT_ID));
    return boot_id_mount >= 0 || fail(failure, "internal", "", errno, "cloning %s", staged_path(STAGED_BOOT_ID));
}

/* Every path of the container is put together here: `root` is "" or the directory the view is built in. */
struct place {
    char path[128];
};

static const char *at(struct place *place, const char *root, const char *path)
{
    (void)snprintf(place->path, sizeof place->path, "%s%s", root, path);
    return place->path;
}

/*
 * Mounts a file system on a directory of the image, which is made when missing. A symlink in its path is refused: the image is hostile,
 * and nothing legitimate has one there.
 */
static bool mount_on(const char *root, const char *name, const char *type, unsigned long flags, const char *options, struct failure *failure)
{
    unsigned long long how = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    struct place place;
    const char *path = at(&place, root, name);
    int target = open_resolved(path, O_PATH | O_DIRECTORY, 0, how);
    if (target < 0 && errno == ENOENT && mkdir(path, 0755) == 0)
        target = open_resolved(path, O_PATH | O_DIRECTORY, 0, how);
    if (target < 0)
        return fail(failure, errno == ELOOP || errno == ENOTDIR ? "image_invalid" : "storage_error", "disk", errno,
                    "%s of the image cannot be mounted on", path);
    bool mounted = fchdir(target) == 0 && mount(type, ".", type, flags, options) == 0;
    int reason = errno;
    if (close(target) != 0 || chdir("/") != 0)
        return fail(failure, "internal", "", errno, "leaving %s", path);
    return mounted || fail(failure, "internal", "", reason, "mounting %s on %s", type, path);
}

/* The few devices of a container, attached to the nodes they were cloned from. */
static bool attach_devices(const char *root, struct failure *failure)
{
    for (size_t index = 0; index < DEVICE_COUNT; index++) {
        struct place place;
        char path[64];
        (void)snprintf(path, sizeof path, "/dev/%s", devices[index].name);
        int target = open(at(&place, root, path), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (target < 0 || attach_mount(devices[index].mount_fd, target) != 0)
            return fail(failure, "internal", "", errno, "attaching %s", path);
        if (close(target) != 0 || close(devices[index].mount_fd) != 0)
            return fail(failure, "internal", "", errno, "closing %s", path);
    }
    return true;
}

/* A privileged container has all devices of the machine, those to come included. */
static bool make_dev(const char *root, bool privileged, struct failure *failure)
{
    if (privileged && !mount_on(root, "/dev", "devtmpfs", MS_NOSUID | MS_STRICTATIME, "mode=0755", failure))
        return false;
    if (!privileged && !mount_on(root, "/dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=0755,size=65536k", failure))
        return false;
    if (!mount_on(root, "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5", failure))
        return false;
    if (!mount_on(root, "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k", failure))
        return false;
    if (!mount_on(root, "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, failure))
        return false;
    if (!privileged && !attach_devices(root, failure))
        return false;
    for (size_t index = 0; index < COUNT(links); index++) {
        struct place place;
        /* devtmpfs has a ptmx of its own, and keeps what an attempt before this one has made. */
        if (symlink(links[index][0], at(&place, root, links[index][1])) != 0 && !(privileged && errno == EEXIST))
            return fail(failure, "internal", "", errno, "linking %s", links[index][1]);
    }
    return true;
}

static bool mask(const char *root, const char *path, struct failure *failure)
{
    struct place null;
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || fail(failure, "internal", "", errno, "looking at %s", path);
    int result = S_ISDIR(status.st_mode)
                     ? mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=0")
                     : mount(at(&null, root, "/dev/null"), path, NULL, MS_BIND, NULL);
    return result == 0 || fail(failure, "internal", "", errno, "masking %s", path);
}

static bool remount_read_only(const char *path, struct failure *failure)
{
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount(NULL, path, NULL, flags, NULL) == 0 || fail(failure, "internal", "", errno, "making %s read-only", path);
}

static bool make_read_only(const char *path, struct failure *failure)
{
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0)
        return errno == ENOENT || fail(failure, "internal", "", errno, "binding %s", path);
    return remount_read_only(path, failure);
}

static bool close_off(const char *root, struct failure *failure)
{
    struct place place;
    for (size_t index = 0; index < COUNT(masked); index++) {
        if (!mask(root, at(&place, root, masked[index]), failure))
            return false;
    }
    for (size_t index = 0; index < COUNT(read_only); index++) {
        if (!make_read_only(at(&place, root, read_only[index]), failure))
            return false;
    }
    return true;
}

/* Nodes on the disk of a privileged container open what they name, as a debootstrap in it needs. */
static bool allow_devices(struct failure *failure)
{
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 || fail(failure, "internal", "", errno, "allowing devices on the disk");
}

/* Nothing is read here: the kernel makes its own boot id when it is first read. */
static bool attach_boot_id(const char *root, struct failure *failure)
{
    struct place place;
    const char *path = at(&place, root, BOOT_ID);
    int target = open_resolved(path, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    bool attached = target >= 0 && attach_mount(boot_id_mount, target) == 0;
    int reason = errno;
    if ((target >= 0 && close(target) != 0) || close(boot_id_mount) != 0)
        return fail(failure, "internal", "", errno, "closing %s", path);
    return attached ? remount_read_only(path, failure) : fail(failure, "internal", "", reason, "attaching %s", path);
}

bool container_mounts(const char *root, bool privileged, struct failure *failure)
{
    unsigned long closed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    unsigned long system = privileged ? closed : closed | MS_RDONLY;
    struct place place;
    if (!mount_on(root, "/proc", "proc", closed, NULL, failure) || !make_dev(root, privileged, failure))
        return false;
    if (!mount_on(root, "/sys", "sysfs", system, NULL, failure))
        return false;
    /* Seen through the container's cgroup namespace; a kernel without cgroup2 has nothing to show. */
    if (mount("cgroup2", at(&place, root, "/sys/fs/cgroup"), "cgroup2", system, NULL) != 0 && errno != ENODEV && errno != ENOENT)
        return fail(failure, "internal", "", errno, "mounting cgroup2");
    if (privileged ? !allow_devices(failure) : !close_off(root, failure))
        return false;
    return attach_boot_id(root, failure);
}
