/*
 * Preloaded into a QEMU whose machine goes on from a snapshot. QEMU opens the file of a private mapping for reading and writing, although it only
 * reads it, and before version 8.2 there is no option against it; the jail shows the file for reading only, since other machines go on from it, too.
 *
 * So the one path named by BOXLITE_MEMORY is opened for reading. And when the guest gives pages back (balloon, free page reporting), QEMU punches
 * holes into the file before it drops its own copy: for a descriptor that cannot write this fails, and QEMU would keep the copy. Here it is
 * answered as done; the guest then finds what the snapshot had there, which a page that was given back may hold.
 *
 * QEMU's calls arrive in whatever thread makes them; there is one such file, and it is opened once, before the others run.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "export.h"

static int memory = -1;

static int open_as(const char *path, int flags, mode_t mode)
{
    const char *snapshot = getenv("BOXLITE_MEMORY");
    if (snapshot == NULL || path == NULL || strcmp(path, snapshot) != 0 || (flags & O_ACCMODE) != O_RDWR)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, (flags & ~(O_ACCMODE | O_CREAT | O_TRUNC)) | O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0)
        memory = fd;
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

/* The names under which a C library offers open to programs with large files, and to those it checks (_FORTIFY_SOURCE). */
EXPORT int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_as(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_as(path, flags, mode);
}

int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags)
{
    return open_as(path, flags, 0);
}

int __open64_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags)
{
    return open_as(path, flags, 0);
}

static int allocate(int fd, int mode, off_t offset, off_t length)
{
    if (fd == memory && fd >= 0 && (mode & FALLOC_FL_PUNCH_HOLE) != 0)
        return 0;
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return allocate(fd, mode, offset, length);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return allocate(fd, mode, offset, length);
}
