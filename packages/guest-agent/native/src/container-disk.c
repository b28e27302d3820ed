#include "container-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "boot.h"
#include "clock.h"
#include "ext4-growth.h"

/* Takes the number of blocks the file system is to have (fs/ext4/ext4.h; not in the exported headers). */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

/* nodev: see container-mounts.c. */
#define MOUNT_FLAGS MS_NODEV
/*
 * A disk that turns out damaged goes read-only rather than getting worse. Inode tables of groups that were added are never zeroed in the
 * background: nothing reads them before they are written, and zeros that reach the host's file cost space there.
 */
#define OPTIONS "errors=remount-ro,noinit_itable"
/* While groups are added it must not say noinit_itable: the kernel would zero their inode tables at once (fs/ext4/resize.c). */
#define OPTIONS_WHILE_GROWING "errors=remount-ro,init_itable"

/* 0: nothing to grow. */
static bool wanted_blocks(const char *device, uint64_t *blocks, struct failure *failure)
{
    uint8_t superblock[EXT4_SUPERBLOCK_BYTES];
    uint64_t bytes = 0;
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, "storage_error", "disk", errno, "opening %s", device);
    ssize_t got = ioctl(fd, BLKGETSIZE64, &bytes) != 0 ? -1 : pread(fd, superblock, sizeof superblock, EXT4_SUPERBLOCK_OFFSET);
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "disk", errno, "closing %s", device);
    if (got != (ssize_t)sizeof superblock)
        return fail(failure, "storage_error", "disk", got < 0 ? reason : EIO, "reading the size of %s", device);
    *blocks = ext4_growth_blocks(superblock, bytes);
    return true;
}

static int resize_mounted(const char *target, uint64_t blocks)
{
    int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int reason = ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) == 0 ? 0 : errno;
    if (close(fd) != 0 && reason == 0)
        reason = errno;
    return reason;
}

static bool grow(const char *device, const char *target, uint64_t *growth_us, struct failure *failure)
{
    uint64_t blocks = 0;
    uint64_t begun = monotonic_us();
    if (!wanted_blocks(device, &blocks, failure))
        return false;
    if (blocks == 0)
        return true;
    if (mount(NULL, target, NULL, MS_REMOUNT | MOUNT_FLAGS, OPTIONS_WHILE_GROWING) != 0)
        return fail(failure, "storage_error", "disk", errno, "preparing %s for growth", device);
    int reason = resize_mounted(target, blocks);
    /* Also stops the thread that would begin to zero what was added. */
    if (mount(NULL, target, NULL, MS_REMOUNT | MOUNT_FLAGS, OPTIONS) != 0 && reason == 0)
        reason = errno;
    if (reason != 0)
        return fail(failure, "storage_error", "disk", reason, "growing the file system of %s to %llu blocks", device,
                    (unsigned long long)blocks);
    *growth_us = monotonic_us() - begun;
    return true;
}

bool container_disk_mount(const char *device, const char *target, uint64_t *growth_us, struct failure *failure)
{
    *growth_us = 0;
    if (mount(device, target, "ext4", MOUNT_FLAGS, OPTIONS) != 0)
        return fail(failure, "disk_invalid", "disk", errno, "mounting %s", device);
    if (grow(device, target, growth_us, failure))
        return true;
    if (umount2(target, 0) != 0)
        console_log("boxlite-guest: unmounting %s: %s", target, strerror(errno));
    return false;
}
