#include "image-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot.h"
#include "mount-calls.h"

/* Of one file: the code of a program is at its beginning, and a large one is not to leave the others nothing. */
#define MAX_FILE_BYTES (12u << 20)

static char buffer[64 << 10];

static int open_in(int root, const char *path, uint64_t flags)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* One piece of a file or a directory; 0 at its end. */
static ssize_t read_piece(int fd, bool directory, uint64_t left)
{
    size_t size = left < sizeof buffer ? (size_t)left : sizeof buffer;
    for (;;) {
        /* A directory's entries come whole: a buffer that is too small for one is its end. */
        ssize_t got = directory ? syscall(SYS_getdents64, fd, buffer, size) : read(fd, buffer, size);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

/* The number of bytes that were read. */
static uint64_t read_all(int fd, bool directory, uint64_t limit)
{
    uint64_t done = 0;
    while (done < limit) {
        ssize_t got = read_piece(fd, directory, limit - done);
        if (got <= 0)
            break;
        done += (uint64_t)got;
    }
    return done;
}

/*
 * What it is, is asked of a descriptor that opens nothing (O_PATH): a FIFO, a socket or a device is never opened. Then it is opened by the same path, since
 * nobody else is there who could exchange it, and looked at again all the same.
 */
static int open_readable(int root, const char *path, bool *directory)
{
    struct stat status;
    int named = open_in(root, path, O_PATH);
    if (named < 0)
        return -1;
    bool readable = fstat(named, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    int fd = readable ? open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
    if (close(named) != 0)
        console_log("boxlite-guest: closing %s: %s", path, strerror(errno));
    if (fd < 0)
        return -1;
    *directory = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
    if (*directory || S_ISREG(status.st_mode))
        return fd;
    close(fd);
    return -1;
}

struct image_read image_read(const char *root, const struct text_list *paths, uint64_t limit)
{
    struct image_read result = { 0, 0 };
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return result;
    for (size_t index = 0; index < paths->count && result.bytes < limit; index++) {
        bool is_directory = false;
        int fd = open_readable(directory, paths->items[index], &is_directory);
        if (fd < 0)
            continue;
        uint64_t left = limit - result.bytes;
        result.bytes += read_all(fd, is_directory, left < MAX_FILE_BYTES ? left : MAX_FILE_BYTES);
        result.files++;
        close(fd);
    }
    close(directory);
    return result;
}
