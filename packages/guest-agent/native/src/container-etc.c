/*
 * /etc/hostname, /etc/hosts and /etc/resolv.conf: files of the staging file system, mounted over the image's. Cloned before pivot_root, attached after
 * it: from then on no path, whatever symlinks the image has in /etc, leads out of the container.
 */
#include "container.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "boot.h"
#include "mount-calls.h"
#include "staging.h"

#define FILE_COUNT 3

static const enum staged_file sources[FILE_COUNT] = { STAGED_HOSTNAME, STAGED_HOSTS, STAGED_RESOLV_CONF };
static const char *const targets[FILE_COUNT] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
static int mounts[FILE_COUNT] = { -1, -1, -1 };

bool container_etc_prepare(struct failure *failure)
{
    for (int file = 0; file < FILE_COUNT; file++) {
        mounts[file] = clone_mount(staged_path(sources[file]));
        if (mounts[file] < 0)
            return fail(failure, "internal", "", errno, "cloning %s", staged_path(sources[file]));
    }
    return true;
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

bool container_etc_attach(const struct init_request *request, struct failure *failure)
{
    struct stat root;
    if (stat("/", &root) != 0)
        return fail(failure, "internal", "", errno, "looking at the root of the container");
    /* An image without any file, such as "scratch" with one binary, has no /etc. */
    if (mkdir("/etc", 0755) != 0 && errno != EEXIST)
        return fail(failure, "storage_error", "disk", errno, "making /etc in the image");
    for (int file = 0; file < FILE_COUNT; file++) {
        bool wanted = sources[file] != STAGED_RESOLV_CONF || request->resolv_conf.bytes != NULL;
        /* A box whose image makes this impossible still runs, with its own file. */
        if (wanted && !attach(file, root.st_dev))
            console_log("boxlite-guest: %s of the image cannot be replaced (%s)", targets[file], strerror(errno));
        if (close(mounts[file]) != 0)
            return fail(failure, "internal", "", errno, "closing %s", staged_path(sources[file]));
    }
    return true;
}
