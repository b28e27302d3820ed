/*
 * What one command costs with nothing around it: the yardstick for the agent's exec. Takes the agent's place as init of a machine with
 * the same disks and the same container, and serves the same link with a protocol of single bytes:
 *
 *   host: 'e'                   nothing is done: the round trip of the link
 *         'f'                   fork, execve, wait, in the container
 *         's'                   fork, setns into the mount namespace, execve, wait: what the agent's exec needs at least
 *         'n'                   fork, setns into five namespaces one by one, a second fork, execve, wait: the textbook way
 *         'q'                   end of the machine
 *   probe: 'r' when ready, then per request 8 bytes: the time it took in the guest, nanoseconds, little endian
 *
 * Each runs /bin/true of the container's disk with /dev/null as its three streams.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "container.h"
#include "link.h"

static struct container container = NO_CONTAINER;
static int namespaces[4];
static int null_device;

static uint64_t now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        boot_fatal("clock", errno);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void run_true(void)
{
    static char *const argv[] = { "true", NULL };
    static char *const environment[] = { "PATH=/bin", NULL };
    for (int target = 0; target <= 2; target++) {
        if (dup2(null_device, target) < 0)
            _exit(126);
    }
    execve("/bin/true", argv, environment);
    _exit(127);
}

static int wait_for(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

static _Noreturn void child(char mode)
{
    if (setns(container.mount_namespace, CLONE_NEWNS) != 0)
        _exit(125);
    if (mode != 'n')
        run_true();
    for (size_t index = 0; index < 4; index++) {
        if (setns(namespaces[index], 0) != 0)
            _exit(125);
    }
    pid_t pid = fork();
    if (pid == 0)
        run_true();
    _exit(pid > 0 && wait_for(pid) == 0 ? 0 : 124);
}

static void probe(char mode)
{
    pid_t pid = fork();
    if (pid == 0 && mode == 'f') {
        /* The mount namespace is needed to find the program; chroot costs next to nothing against it. */
        if (chroot(CONTAINER_MOUNT) != 0 || chdir("/") != 0)
            _exit(125);
        run_true();
    }
    if (pid == 0)
        child(mode);
    int status = pid < 0 ? -1 : wait_for(pid);
    if (status != 0)
        boot_fatal("the probe's command failed", pid < 0 ? errno : 0);
}

static void open_namespaces(void)
{
    static const char *const names[] = { "pid", "ipc", "uts", "cgroup" };
    for (size_t index = 0; index < 4; index++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)container.init_pid, names[index]);
        namespaces[index] = open(path, O_RDONLY | O_CLOEXEC);
        if (namespaces[index] < 0)
            boot_fatal(path, errno);
    }
    null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_device < 0)
        boot_fatal("/dev/null", errno);
}

static void answer(int link, const void *bytes, size_t length)
{
    if (write(link, bytes, length) != (ssize_t)length)
        boot_fatal("link", errno);
}

int main(void)
{
    static struct init_request request = { .hostname = "probe", .disk = "/dev/vda" };
    struct failure failure;
    if (getpid() != 1)
        return 64;
    boot_mounts();
    bool once;
    int link = link_open(&once);
    if (!container_start(&request, &container, &failure))
        boot_fatal(failure.message, 0);
    open_namespaces();
    answer(link, "r", 1);
    for (;;) {
        struct pollfd wait = { .fd = link, .events = POLLIN };
        char mode;
        if (poll(&wait, 1, -1) < 0 || read(link, &mode, 1) != 1 || mode == 'q')
            machine_end();
        uint64_t begun = now_ns();
        if (mode != 'e')
            probe(mode);
        uint64_t elapsed = now_ns() - begun;
        answer(link, &elapsed, sizeof elapsed);
    }
}
