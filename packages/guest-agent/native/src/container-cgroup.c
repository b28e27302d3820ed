#include "container-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define MAIN_CGROUP CONTAINER_CGROUP "/main"

int container_cgroup_open(void)
{
    if (mount("cgroup2", CGROUP_ROOT, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 && errno != EBUSY) {
        console_log("boxlite-guest: no cgroup2 (%s)", strerror(errno));
        return -1;
    }
    if (mkdir(CONTAINER_CGROUP, 0755) != 0 && errno != EEXIST) {
        console_log("boxlite-guest: no cgroup for the container (%s)", strerror(errno));
        return -1;
    }
    return open(CONTAINER_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool write_file(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = write(fd, text, length) == (ssize_t)length;
    int reason = errno;
    if (close(fd) != 0)
        return false;
    errno = reason;
    return written;
}

/* Gives all controllers of the root to the children of a cgroup; one that cannot be given is missing there, and nothing else. */
static void enable_controllers(const char *cgroup)
{
    char names[256];
    int fd = open(CGROUP_ROOT "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, names, sizeof names - 1);
    if (fd >= 0 && close(fd) != 0)
        length = -1;
    names[length < 0 ? 0 : length] = '\0';
    char path[128];
    (void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", cgroup);
    char *rest = names;
    for (char *name; (name = strsep(&rest, " \n")) != NULL;) {
        char word[64];
        int size = snprintf(word, sizeof word, "+%s", name);
        if (size <= 1 || size >= (int)sizeof word)
            continue;
        if (!write_file(path, word, (size_t)size))
            console_log("boxlite-guest: controller %s for %s: %s", name, cgroup, strerror(errno));
    }
}

int container_cgroup_delegate(int cgroup, pid_t init)
{
    char pid[16];
    int length = snprintf(pid, sizeof pid, "%d", (int)init);
    if (mkdir(MAIN_CGROUP, 0755) != 0 && errno != EEXIST) {
        console_log("boxlite-guest: making %s: %s", MAIN_CGROUP, strerror(errno));
        return cgroup;
    }
    int fd = open(MAIN_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || !write_file(MAIN_CGROUP "/cgroup.procs", pid, (size_t)length)) {
        console_log("boxlite-guest: moving to %s: %s", MAIN_CGROUP, strerror(errno));
        if (fd >= 0 && close(fd) != 0)
            console_log("boxlite-guest: closing %s: %s", MAIN_CGROUP, strerror(errno));
        return cgroup;
    }
    if (close(cgroup) != 0)
        console_log("boxlite-guest: closing %s: %s", CONTAINER_CGROUP, strerror(errno));
    enable_controllers(CGROUP_ROOT);
    enable_controllers(CONTAINER_CGROUP);
    return fd;
}
