#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"
#include "clock.h"
#include "container-cgroup.h"
#include "container-disk.h"
#include "machine.h"
#include "staging.h"

/* Memory both the agent and the container's init see: what is to be built is known only when init has been waiting for long. */
struct order {
    struct init_request request;
    char destinations[MAX_VOLUMES][MAX_VOLUME_PATH + 1];
};

static struct order *order;

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

static bool join_container(struct container *container, struct failure *failure)
{
    pid_t pid = container->init_pid;
    container->mount_namespace = open_of(pid, "ns/mnt", O_RDONLY);
    if (container->mount_namespace < 0)
        return fail(failure, "internal", "", errno, "opening the container");
    /* The last one for the agent's children: the agent itself stays process 1 of the machine. */
    return join(pid, "ipc", CLONE_NEWIPC, failure) && join(pid, "uts", CLONE_NEWUTS, failure) &&
           join(pid, "cgroup", CLONE_NEWCGROUP, failure) && join(pid, "pid", CLONE_NEWPID, failure);
}

static void close_all(int *fds[], size_t count)
{
    for (size_t index = 0; index < count; index++) {
        if (*fds[index] >= 0)
            close(*fds[index]);
        *fds[index] = -1;
    }
}

static bool hear(const struct container *container, struct failure *failure)
{
    struct init_report result;
    ssize_t got;
    do
        got = read(container->report, &result, sizeof result);
    while (got < 0 && errno == EINTR);
    if (got == sizeof result && result.ok)
        return true;
    if (got == sizeof result)
        *failure = result.failure;
    else
        (void)fail(failure, "internal", "", 0, "the container's init died while starting");
    return false;
}

static bool start_init(struct container *container, struct failure *failure)
{
    int orders[2] = { -1, -1 };
    int reports[2] = { -1, -1 };
    bool piped = pipe2(orders, O_CLOEXEC) == 0 && pipe2(reports, O_CLOEXEC) == 0;
    pid_t pid = piped ? fork_init(container->cgroup) : -1;
    int reason = errno;
    if (pid == 0)
        container_init_run(&order->request, orders[0], reports[1]);
    close_all((int *[]){ &orders[0], &reports[1] }, 2);
    container->order = orders[1];
    container->report = reports[0];
    if (pid < 0)
        return fail(failure, "resource_exhausted", "", reason, "forking the container's init");
    container->init_pid = pid;
    return hear(container, failure) && join_container(container, failure);
}

void container_unmount(struct container *container)
{
    /* The mount namespace lives as long as a descriptor of it, and with it the mount of the disk. */
    close_all((int *[]){ &container->mount_namespace, &container->pts, &container->cgroup }, 3);
    /* EINVAL: it is not mounted. */
    if (umount2(CONTAINER_MOUNT, 0) == 0 || errno == EINVAL)
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
    container->prepared = false;
    close_all((int *[]){ &container->order, &container->report }, 2);
    container_unmount(container);
    /* No process can be made in a pid namespace whose init is gone: back to the agent's own. */
    int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(own, CLONE_NEWPID) != 0)
        console_log("boxlite-guest: leaving the container: %s", strerror(errno));
    if (own >= 0)
        close(own);
}

bool container_prepare(struct container *container, struct failure *failure)
{
    if (container->init_pid > 0)
        return true;
    *container = (struct container)NO_CONTAINER;
    if (order == NULL) {
        void *memory = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return fail(failure, "resource_exhausted", "", errno, "memory for the container's init");
        order = memory;
    }
    /* So that a disk the agent mounts later is seen by an init that is there already. */
    if (mount(NULL, "/", NULL, MS_SHARED, NULL) != 0)
        return fail(failure, "internal", "", errno, "sharing the mounts");
    if (!machine_loopback_up(failure) || !machine_open_pool(failure) || !staging_prepare(failure))
        return false;
    container->cgroup = container_cgroup_open();
    if (start_init(container, failure))
        return true;
    undo(container);
    return false;
}

static bool write_files(const struct init_request *request, struct container *container, struct failure *failure)
{
    /* The kernel's own stays unread, so that it is made by nobody, and copied by nobody. */
    char line[BOOT_ID_BYTES];
    if (!machine_new_boot_id(container->boot_id, failure))
        return false;
    size_t length = strlen(container->boot_id);
    memcpy(line, container->boot_id, length);
    line[length++] = '\n';
    if (!staging_write(STAGED_BOOT_ID, line, length, failure) || !staging_write_hostname(request->hostname, failure))
        return false;
    if (request->resolv_conf.bytes != NULL &&
        !staging_write(STAGED_RESOLV_CONF, request->resolv_conf.bytes, request->resolv_conf.length, failure))
        return false;
    if (request->hosts.bytes != NULL)
        return staging_write(STAGED_HOSTS, request->hosts.bytes, request->hosts.length, failure);
    return staging_write_hosts(request->hostname, failure);
}

static void write_order(const struct init_request *request)
{
    order->request = *request;
    for (size_t index = 0; index < request->volume_count; index++) {
        char *destination = order->destinations[index];
        (void)snprintf(destination, sizeof order->destinations[index], "%s", request->volumes[index].destination);
        order->request.volumes[index].destination = destination;
    }
}

/* What is the box's own of a container that is built already. */
static bool make_own(const struct init_request *request, struct container *container, struct failure *failure)
{
    if (sethostname(request->hostname, strlen(request->hostname)) != 0)
        return fail(failure, "invalid_argument", "hostname", errno, "setting the host name");
    return write_files(request, container, failure);
}

static bool build(const struct init_request *request, struct container *container, struct failure *failure)
{
    write_order(request);
    if (write(container->order, "", 1) != 1)
        return fail(failure, "internal", "", errno, "asking the container's init");
    if (!hear(container, failure))
        return false;
    close_all((int *[]){ &container->order, &container->report }, 2);
    container->pts = open_of(container->init_pid, "root/dev/pts", O_RDONLY | O_DIRECTORY);
    if (container->pts < 0)
        return fail(failure, "internal", "", errno, "opening the container");
    /* What the agent may still gain by an exec is what its children start with: root in the container gets exactly the bounding set. */
    return request->privileged || capabilities_bound(failure);
}

static bool mount_disk(const char *device, uint64_t bytes, struct container *container, struct failure *failure)
{
    struct stat status;
    if (!container_prepare(container, failure))
        return false;
    if (stat(device, &status) != 0 || !S_ISBLK(status.st_mode))
        return fail(failure, "not_found", "disk", 0, "the machine has no block device %s", device);
    uint64_t begun = monotonic_us();
    if (!container_disk_mount(device, bytes, CONTAINER_MOUNT, &container->disk_growth_us, failure))
        return false;
    container->disk_us = monotonic_us() - begun;
    return true;
}

bool container_prepare_image(const struct prepare_request *request, struct container *container, struct failure *failure)
{
    /* Nothing in it: neither names nor volumes. */
    static const struct init_request nobody;
    if (!mount_disk(request->disk, request->disk_bytes, container, failure))
        return false;
    if (!build(&nobody, container, failure)) {
        undo(container);
        return false;
    }
    memcpy(container->prepared_disk, request->disk, sizeof container->prepared_disk);
    container->prepared_bytes = request->disk_bytes;
    container->prepared = true;
    return true;
}

bool container_is_prepared_for(const struct container *container, const struct init_request *request)
{
    bool same_disk = strcmp(container->prepared_disk, request->disk) == 0 &&
                     (request->disk_bytes == 0 || request->disk_bytes == container->prepared_bytes);
    return container->prepared && same_disk && request->volume_count == 0 && request->resolv_conf.bytes == NULL;
}

bool container_start(const struct init_request *request, struct container *container, struct failure *failure)
{
    if (container->prepared && request->privileged)
        return fail(failure, "invalid_state", "privileged", 0, "this machine has been prepared for a container that is not privileged");
    if (container_is_prepared_for(container, request)) {
        container->disk_us = container->disk_growth_us = 0;
        container->running = make_own(request, container, failure);
        return container->running;
    }
    if (container->prepared)
        undo(container);
    if (!mount_disk(request->disk, request->disk_bytes, container, failure))
        return false;
    if (make_own(request, container, failure) && build(request, container, failure)) {
        if (request->privileged && container->cgroup >= 0)
            container->cgroup = container_cgroup_delegate(container->cgroup, container->init_pid);
        container->running = true;
        return true;
    }
    undo(container);
    return false;
}
