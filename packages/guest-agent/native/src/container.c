#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"
#include "container-cgroup.h"
#include "container-disk.h"

/* Like fork, into new namespaces and the container's cgroup. */
static pid_t fork_init(int cgroup)
{
    struct clone_args arguments = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, .exit_signal = SIGCHLD };
    if (cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (unsigned)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static int open_of(pid_t pid, const char *what, int flags)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    return open(path, flags | O_CLOEXEC);
}

static bool join(pid_t pid, const char *name, int type, struct failure *failure)
{
    char what[32];
    (void)snprintf(what, sizeof what, "ns/%s", name);
    int fd = open_of(pid, what, O_RDONLY);
    if (fd < 0)
        return errno == ENOENT || fail(failure, "internal", "", errno, "opening the %s namespace", name);
    bool joined = setns(fd, type) == 0;
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "", errno, "closing the %s namespace", name);
    return joined || fail(failure, "internal", "", reason, "joining the %s namespace", name);
}

static bool join_container(const struct init_request *request, struct container *container, struct failure *failure)
{
    pid_t pid = container->init_pid;
    container->mount_namespace = open_of(pid, "ns/mnt", O_RDONLY);
    container->pts = open_of(pid, "root/dev/pts", O_RDONLY | O_DIRECTORY);
    if (container->mount_namespace < 0 || container->pts < 0)
        return fail(failure, "internal", "", errno, "opening the container");
    if (!join(pid, "ipc", CLONE_NEWIPC, failure) || !join(pid, "uts", CLONE_NEWUTS, failure))
        return false;
    if (!join(pid, "cgroup", CLONE_NEWCGROUP, failure))
        return false;
    /* For the agent's children: the agent itself stays process 1 of the machine. */
    if (!join(pid, "pid", CLONE_NEWPID, failure))
        return false;
    /* What the agent may still gain by an exec is what its children start with: root in the container gets exactly the bounding set. */
    return request->privileged || capabilities_bound(failure);
}

static bool start_init(const struct init_request *request, struct container *container, struct failure *failure)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return fail(failure, "resource_exhausted", "", errno, "making a pipe");
    pid_t pid = fork_init(container->cgroup);
    if (pid == 0)
        container_init_run(request, report[1]);
    int reason = errno;
    close(report[1]);
    struct init_report result;
    ssize_t got = 0;
    if (pid > 0) {
        do
            got = read(report[0], &result, sizeof result);
        while (got < 0 && errno == EINTR);
    }
    close(report[0]);
    if (pid < 0)
        return fail(failure, "resource_exhausted", "", reason, "forking the container's init");
    container->init_pid = pid;
    if (got == sizeof result && result.ok)
        return true;
    if (got == sizeof result)
        *failure = result.failure;
    else
        (void)fail(failure, "internal", "", 0, "the container's init died while starting");
    return false;
}

void container_unmount(struct container *container)
{
    /* The mount namespace lives as long as a descriptor of it, and with it the mount of the disk. */
    int *fds[] = { &container->mount_namespace, &container->pts, &container->cgroup };
    for (size_t index = 0; index < sizeof fds / sizeof fds[0]; index++) {
        if (*fds[index] >= 0)
            close(*fds[index]);
        *fds[index] = -1;
    }
    if (umount2(CONTAINER_MOUNT, 0) == 0)
        return;
    console_log("boxlite-guest: unmounting %s: %s", CONTAINER_MOUNT, strerror(errno));
    if (mount(NULL, CONTAINER_MOUNT, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        console_log("boxlite-guest: making %s read-only: %s", CONTAINER_MOUNT, strerror(errno));
}

static void undo(struct container *container)
{
    if (container->init_pid > 0) {
        (void)kill(container->init_pid, SIGKILL);
        while (waitpid(container->init_pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    container->init_pid = 0;
    container_unmount(container);
}

bool container_start(const struct init_request *request, struct container *container, struct failure *failure)
{
    struct stat status;
    *container = (struct container){ .mount_namespace = -1, .cgroup = -1, .pts = -1 };
    if (stat(request->disk, &status) != 0 || !S_ISBLK(status.st_mode))
        return fail(failure, "not_found", "disk", 0, "the machine has no block device %s", request->disk);
    if (!container_disk_mount(request->disk, CONTAINER_MOUNT, &container->disk_growth_us, failure))
        return false;
    container->cgroup = container_cgroup_open();
    if (start_init(request, container, failure) && join_container(request, container, failure)) {
        if (request->privileged && container->cgroup >= 0)
            container->cgroup = container_cgroup_delegate(container->cgroup, container->init_pid);
        container->running = true;
        return true;
    }
    undo(container);
    return false;
}
