/* A FUSE server of one file, on the bare protocol (linux/fuse.h): enough for the kernel to look, read and go. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT "served by a process\n"
#define FILE_NODE 2u

static void answer(int device, const struct fuse_in_header *in, int error, const void *body, size_t length)
{
    struct fuse_out_header out = { .unique = in->unique, .error = error, .len = (uint32_t)(sizeof out + length) };
    struct iovec parts[] = { { &out, sizeof out }, { (void *)(size_t)body, length } };
    if (writev(device, parts, 2) < 0 && errno != ENOENT)
        broken("answering FUSE operation %u", in->opcode);
}

static struct fuse_attr attributes(uint64_t node)
{
    bool root = node == FUSE_ROOT_ID;
    return (struct fuse_attr){ .ino = node, .mode = root ? S_IFDIR | 0755 : S_IFREG | 0444, .nlink = 1, .size = root ? 0 : strlen(TEXT) };
}

static void serve_one(int device, const struct fuse_in_header *in)
{
    struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096, .max_readahead = 4096 };
    struct fuse_attr_out attr = { .attr = attributes(in->nodeid) };
    struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attributes(FILE_NODE) };
    struct fuse_open_out opened = { .open_flags = FOPEN_DIRECT_IO };
    const struct fuse_read_in *read_in = (const void *)(in + 1);
    switch (in->opcode) {
    case FUSE_INIT:
        return answer(device, in, 0, &init, sizeof init);
    case FUSE_GETATTR:
        return answer(device, in, 0, &attr, sizeof attr);
    case FUSE_LOOKUP:
        return strcmp((const char *)(in + 1), "file") == 0 ? answer(device, in, 0, &entry, sizeof entry) : answer(device, in, -ENOENT, NULL, 0);
    case FUSE_OPEN:
        return answer(device, in, 0, &opened, sizeof opened);
    case FUSE_READ:
        return answer(device, in, 0, TEXT, read_in->offset == 0 ? strlen(TEXT) : 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
        return;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
        return answer(device, in, 0, NULL, 0);
    default:
        return answer(device, in, -ENOSYS, NULL, 0);
    }
}

static _Noreturn void serve(int device)
{
    static _Alignas(8) char buffer[FUSE_MIN_READ_BUFFER + 4096];
    for (;;) {
        ssize_t got = read(device, buffer, sizeof buffer);
        if (got >= (ssize_t)sizeof(struct fuse_in_header))
            serve_one(device, (const struct fuse_in_header *)buffer);
        else if (errno == ENODEV)
            _exit(0); /* unmounted */
        else if (errno != EINTR && errno != ENOENT)
            broken("reading from /dev/fuse");
    }
}

/* fuse DIRECTORY */
void probe_fuse(char **arguments)
{
    char options[64];
    char path[256];
    char found[64];
    if (mkdir(arguments[0], 0755) != 0 && errno != EEXIST)
        broken("mkdir");
    int device = must(open("/dev/fuse", O_RDWR), "/dev/fuse");
    (void)snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    must(mount("probe", arguments[0], "fuse.probe", MS_NOSUID | MS_NODEV, options), "mount fuse");
    pid_t server = must(fork(), "fork");
    if (server == 0)
        serve(device);
    must(close(device), "close");
    struct stat status;
    must(stat(arguments[0], &status), "looking at the root of the FUSE file system");
    check(status.st_ino == FUSE_ROOT_ID, "the root's attributes are the server's");
    (void)snprintf(path, sizeof path, "%s/file", arguments[0]);
    get_text(path, found, sizeof found);
    check(strcmp(found, TEXT) == 0, "the file holds what the server says");
    must(umount2(arguments[0], 0), "umount fuse");
    int ended;
    must(waitpid(server, &ended, 0), "waitpid");
    check(ended == 0, "the server ends with its file system");
}
