/*
 * /etc/hostname, /etc/hosts and /etc/resolv.conf as files of a small tmpfs, mounted over the image's. Written before pivot_root, attached
 * after it: from then on no path, whatever symlinks the image has in /etc, leads out of the container.
 */
#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "boot.h"
#include "mount-calls.h"

enum { HOSTNAME, HOSTS, RESOLV_CONF, FILE_COUNT };

static const char *const staged[FILE_COUNT] = { "/tmp/hostname", "/tmp/hosts", "/tmp/resolv.conf" };
static const char *const targets[FILE_COUNT] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
static int mounts[FILE_COUNT] = { -1, -1, -1 };

static bool stage(int file, const void *bytes, size_t length, struct failure *failure)
{
    int fd = open(staged[file], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(failure, "internal", "", errno, "making %s", staged[file]);
    ssize_t written = write(fd, bytes, length);
    if (close(fd) != 0 || written != (ssize_t)length)
        return fail(failure, "resource_exhausted", "", errno, "writing %s", targets[file]);
    mounts[file] = clone_mount(staged[file]);
    return mounts[file] >= 0 || fail(failure, "internal", "", errno, "cloning %s", staged[file]);
}

bool container_etc_prepare(const struct init_request *request, struct failure *failure)
{
    char text[256];
    int length = snprintf(text, sizeof text, "%s\n", request->hostname);
    if (!stage(HOSTNAME, text, (size_t)length, failure))
        return false;
    if (request->resolv_conf.bytes != NULL && !stage(RESOLV_CONF, request->resolv_conf.bytes, request->resolv_conf.length, failure))
        return false;
    if (request->hosts.bytes != NULL)
        return stage(HOSTS, request->hosts.bytes, request->hosts.length, failure);
    length = snprintf(text, sizeof text, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n", request->hostname);
    return stage(HOSTS, text, (size_t)length, failure);
}

/* The file to mount over: the image's, through its symlinks; else a new empty one. */
static int open_target(const char *path)
{
    int fd = open_resolved(path, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open_resolved(path, O_CREAT | O_WRONLY | O_NONBLOCK | O_NOCTTY, 0644, RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    /* A symlink into a directory the image does not have (systemd-resolved's): a plain file takes its place. */
    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    return open_resolved(path, O_CREAT | O_EXCL | O_WRONLY, 0644, RESOLVE_NO_SYMLINKS);
}

static bool attach(int file, dev_t root)
{
    int target = open_target(targets[file]);
    if (target < 0)
        return false;
    struct stat status;
    /* Only over a plain file of the image's disk: a symlink to something of /proc, /sys or /dev would hide that instead. */
    bool plain = fstat(target, &status) == 0 && S_ISREG(status.st_mode) && status.st_dev == root;
    bool attached = plain && attach_mount(mounts[file], target) == 0;
    return close(target) == 0 && attached;
}

bool container_etc_attach(struct failure *failure)
{
    struct stat root;
    if (stat("/", &root) != 0)
        return fail(failure, "internal", "", errno, "looking at the root of the container");
    /* An image without any file, such as "scratch" with one binary, has no /etc. */
    if (mkdir("/etc", 0755) != 0 && errno != EEXIST)
        return fail(failure, "storage_error", "disk", errno, "making /etc in the image");
    for (int file = 0; file < FILE_COUNT; file++) {
        if (mounts[file] < 0)
            continue;
        /* A box whose image makes this impossible still runs, with its own file. */
        if (!attach(file, root.st_dev))
            console_log("boxlite-guest: %s of the image cannot be replaced (%s)", targets[file], strerror(errno));
        if (close(mounts[file]) != 0)
            return fail(failure, "internal", "", errno, "closing %s", staged[file]);
    }
    return true;
}
