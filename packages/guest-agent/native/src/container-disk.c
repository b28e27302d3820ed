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
#include "device-events.h"
#include "ext4-growth.h"

/* Takes the number of blocks the file system is to have (fs/ext4/ext4.h; not in the exported headers). */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

/* nodev: see container-mounts.c. */
#define MOUNT_FLAGS MS_NODEV
/*
 * A disk that turns out damaged goes read-only rather than getting worse. Inode tables of groups that were added are never zeroed in the
 * background: nothing reads them before they are written, and zeros that reach the host's file cost space there. Nor are all block bitmaps read in the
 * background: that takes a thread and many reads, at every start.
 */
#define OPTIONS "errors=remount-ro,noinit_itable,no_prefetch_block_bitmaps"
/* While groups are added it must not say noinit_itable: the kernel would zero their inode tables at once (fs/ext4/resize.c). */
#define OPTIONS_WHILE_GROWING "errors=remount-ro,init_itable,no_prefetch_block_bitmaps"

/* The kernel is told while the machine is being continued: soon, or never; on a host that is busy or emulated itself, not quite so soon. */
#define RESIZE_WAIT_US 10000000u

struct disk {
    uint8_t superblock[EXT4_SUPERBLOCK_BYTES];
    uint64_t bytes;
};

/* As the kernel sees it, also while it is mounted. */
static bool look_at(const char *device, struct disk *disk, struct failure *failure)
{
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, "storage_error", "disk", errno, "opening %s", device);
    ssize_t got = -1;
    if (ioctl(fd, BLKGETSIZE64, &disk->bytes) == 0)
        got = pread(fd, disk->superblock, sizeof disk->superblock, EXT4_SUPERBLOCK_OFFSET);
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "disk", errno, "closing %s", device);
    return got == (ssize_t)sizeof disk->superblock ||
           fail(failure, "storage_error", "disk", got < 0 ? reason : EIO, "reading the size of %s", device);
}

static bool mount_disk(const char *device, const char *target, struct failure *failure)
{
    return mount(device, target, "ext4", MOUNT_FLAGS, OPTIONS) == 0 || fail(failure, "disk_invalid", "disk", errno, "mounting %s", device);
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

static bool grow(const char *device, const char *target, uint64_t blocks, struct failure *failure)
{
    if (mount(NULL, target, NULL, MS_REMOUNT | MOUNT_FLAGS, OPTIONS_WHILE_GROWING) != 0)
        return fail(failure, "storage_error", "disk", errno, "preparing %s for growth", device);
    int reason = resize_mounted(target, blocks);
    /* Also stops the thread that would begin to zero what was added. */
    if (mount(NULL, target, NULL, MS_REMOUNT | MOUNT_FLAGS, OPTIONS) != 0 && reason == 0)
        reason = errno;
    return reason == 0 || fail(failure, "storage_error", "disk", reason, "growing the file system of %s to %llu blocks", device,
                               (unsigned long long)blocks);
}

static bool settle_size(const char *device, const char *target, uint64_t blocks_before, uint64_t *growth_us, struct failure *failure)
{
    struct disk disk;
    if (!look_at(device, &disk, failure))
        return false;
    /*
     * The journal held a growth that a dying machine had begun. The kernel counts block groups before it replays the journal, so it goes on
     * with too few, and stops with a BUG when more are added (ext4_fill_super and setup_new_flex_group_blocks, seen with 6.12).
     */
    if (ext4_blocks(disk.superblock) != blocks_before) {
        if (umount2(target, 0) != 0)
            return fail(failure, "storage_error", "disk", errno, "unmounting %s after its journal was replayed", device);
        if (!mount_disk(device, target, failure))
            return false;
    }
    uint64_t blocks = ext4_growth_blocks(disk.superblock, disk.bytes);
    if (blocks == 0)
        return true;
    uint64_t begun = monotonic_us();
    bool grown = grow(device, target, blocks, failure);
    *growth_us = monotonic_us() - begun;
    return grown;
}

/* A machine that continues from a capture hears of its disk's size by an interrupt, which may come after the first request. */
static bool await_size(const char *device, uint64_t bytes, struct disk *disk, struct failure *failure)
{
    if (!look_at(device, disk, failure))
        return false;
    if (bytes == 0 || disk->bytes == bytes)
        return true;
    int events = device_events_open();
    if (events < 0)
        return fail(failure, "internal", "disk", errno, "device events");
    uint64_t deadline = monotonic_us() + RESIZE_WAIT_US;
    bool seen;
    do
        seen = look_at(device, disk, failure);
    while (seen && disk->bytes != bytes && device_events_wait(events, deadline));
    if (close(events) != 0)
        return fail(failure, "internal", "disk", errno, "closing device events");
    return seen && (disk->bytes == bytes || fail(failure, "disk_invalid", "disk", 0, "%s has %llu bytes and should have %llu", device,
                                                 (unsigned long long)disk->bytes, (unsigned long long)bytes));
}

bool container_disk_mount(const char *device, uint64_t bytes, const char *target, uint64_t *growth_us, struct failure *failure)
{
    struct disk before;
    *growth_us = 0;
    if (!await_size(device, bytes, &before, failure) || !mount_disk(device, target, failure))
        return false;
    if (settle_size(device, target, ext4_blocks(before.superblock), growth_us, failure))
        return true;
    /* EINVAL: it could not be mounted again. */
    if (umount2(target, 0) != 0 && errno != EINVAL)
        console_log("boxlite-guest: unmounting %s: %s", target, strerror(errno));
    return false;
}

bool container_disk_sync(const char *target, struct failure *failure)
{
    int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, "internal", "", errno, "opening %s", target);
    bool synced = syncfs(fd) == 0;
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "", errno, "closing %s", target);
    return synced || fail(failure, "storage_error", "", reason, "writing the file system to the disk");
}
