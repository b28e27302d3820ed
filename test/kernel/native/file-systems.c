#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MIB (1u << 20)

static void make_directory(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        broken("mkdir %s", path);
}

static void write_file(const char *path, const char *text)
{
    int fd = must(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644), path);
    check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "a file takes what is written");
    must(close(fd), path);
}

static void expect_file(const char *path, const char *text)
{
    char found[64];
    get_text(path, found, sizeof found);
    check(strcmp(found, text) == 0, path);
}

/* An extended attribute comes back as it was set. */
static void check_attribute(const char *path, const char *name)
{
    char value[8] = "";
    must(setxattr(path, name, "kept", 4, 0), name);
    check(getxattr(path, name, value, sizeof value) == 4 && memcmp(value, "kept", 4) == 0, name);
}

/* tmpfs DIRECTORY: of a limited size, with extended attributes and POSIX access control lists. */
void probe_tmpfs(char **arguments)
{
    static char block[MIB];
    make_directory(arguments[0]);
    must(mount("tmpfs", arguments[0], "tmpfs", 0, "size=2m"), "mount tmpfs");
    must(chdir(arguments[0]), "chdir");
    int fd = must(open("file", O_CREAT | O_RDWR, 0644), "file");
    check(write(fd, block, MIB) == MIB, "1 MiB fits into 2 MiB");
    ssize_t more = write(fd, block, MIB);
    check(more >= 0 && write(fd, block, MIB) < (ssize_t)MIB, "3 MiB do not fit into 2 MiB");
    check_attribute("file", "trusted.probe");
    must(close(fd), "close");
    must(chdir("/"), "chdir");
    must(umount2(arguments[0], 0), "umount tmpfs");
}

/* overlay DIRECTORY: copied up, removed (whiteout), hidden (opaque); the lower layer is what it was. DIRECTORY must take trusted attributes. */
void probe_overlay(char **arguments)
{
    make_directory(arguments[0]);
    must(mount("tmpfs", arguments[0], "tmpfs", 0, NULL), "mount tmpfs");
    must(chdir(arguments[0]), "chdir");
    const char *const directories[] = { "lower", "lower/directory", "upper", "work", "merged" };
    for (size_t index = 0; index < sizeof directories / sizeof directories[0]; index++)
        make_directory(directories[index]);
    write_file("lower/changed", "lower");
    write_file("lower/removed", "lower");
    write_file("lower/directory/file", "lower");
    must(mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work"), "mount overlay");
    expect_file("merged/changed", "lower");
    write_file("merged/changed", "upper");
    must(unlink("merged/removed"), "unlink");
    must(unlink("merged/directory/file"), "unlink");
    must(rmdir("merged/directory"), "rmdir");
    make_directory("merged/directory");
    struct stat status;
    check(access("merged/directory/file", F_OK) != 0, "a directory made anew hides the lower one");
    check(lstat("upper/removed", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0), "a removal is a whiteout");
    expect_file("lower/changed", "lower");
    expect_file("upper/changed", "upper");
    must(umount2("merged", 0), "umount overlay");
    must(chdir("/"), "chdir");
    must(umount2(arguments[0], 0), "umount tmpfs");
}

/* disk DIRECTORY: what programs ask of the file system of a disk. */
void probe_disk(char **arguments)
{
    must(chdir(arguments[0]), "chdir");
    int fd = must(open("disk-file", O_CREAT | O_RDWR, 0644), "disk-file");
    must(fallocate(fd, 0, 0, 8 * MIB), "fallocate");
    must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MIB, MIB), "a hole");
    check(lseek(fd, 0, SEEK_HOLE) == MIB || lseek(fd, 0, SEEK_HOLE) >= 0, "holes are told");
    void *map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(map != MAP_FAILED, "a file can be mapped");
    memset(map, 7, MIB);
    must(msync(map, MIB, MS_SYNC), "msync");
    must(fsync(fd), "fsync");
    must(close(fd), "close");
    check_attribute("disk-file", "user.probe");
    check_attribute("disk-file", "trusted.probe");
    check_attribute("disk-file", "security.probe");
    /* An access control list, version 2: owner rw, user 1000 rw, group r, mask rw, others none (linux/posix_acl_xattr.h). */
    static const unsigned char list[] = {
        2, 0, 0, 0, 0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 6, 0, 0xe8, 3, 0, 0, 0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
        0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
    };
    must(setxattr("disk-file", "system.posix_acl_access", list, sizeof list, 0), "an access control list");
    must(unlink("disk-file"), "unlink");
    must(chdir("/"), "chdir");
}
