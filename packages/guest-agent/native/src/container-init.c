/* Process 1 of the container. A fork of the agent, so that it shares its memory pages; it does nothing but reap. */
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Docker's default capabilities (reference: moby, oci/caps/defaults.go). */
static const int kept_capabilities[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER,  CAP_MKNOD,            CAP_NET_RAW,    CAP_SETGID,
    CAP_SETUID, CAP_SETFCAP,      CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static unsigned long long kept_mask(void)
{
    unsigned long long mask = 0;
    for (size_t index = 0; index < sizeof kept_capabilities / sizeof kept_capabilities[0]; index++)
        mask |= 1ull << kept_capabilities[index];
    return mask;
}

bool capabilities_bound(struct failure *failure)
{
    unsigned long long kept = kept_mask();
    for (int capability = 0; capability < 64; capability++) {
        if (kept >> capability & 1)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
            continue;
        /* EINVAL: the first one this kernel does not know. */
        return errno == EINVAL || fail(failure, "internal", "", errno, "dropping capability %d", capability);
    }
    return true;
}

bool capabilities_drop(struct failure *failure)
{
    if (!capabilities_bound(failure))
        return false;
    unsigned long long kept = kept_mask();
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = {
        { .effective = (unsigned)kept, .permitted = (unsigned)kept },
        { .effective = (unsigned)(kept >> 32), .permitted = (unsigned)(kept >> 32) },
    };
    return syscall(SYS_capset, &header, data) == 0 || fail(failure, "internal", "", errno, "setting capabilities");
}

/* The kernel's OOM killer must choose a command of the container, not the process whose death ends them all. */
static bool protect_from_oom(struct failure *failure)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "-1000", 5) != 5 || close(fd) != 0)
        return fail(failure, "internal", "", errno, "protecting the container's init");
    return true;
}

static bool enter_root(struct failure *failure)
{
    if (chdir(CONTAINER_MOUNT) != 0)
        return fail(failure, "internal", "", errno, "entering the container's root");
    /* The old root lands on top of the new one and is taken off at once: no directory of the image is needed for it. */
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return fail(failure, "internal", "", errno, "changing to the container's root");
    return true;
}

static bool build(const struct init_request *request, struct failure *failure)
{
    if (!protect_from_oom(failure))
        return false;
    if (unshare(CLONE_NEWCGROUP) != 0 && errno != EINVAL)
        return fail(failure, "internal", "", errno, "making the cgroup namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return fail(failure, "internal", "", errno, "making the mounts private");
    if (sethostname(request->hostname, strlen(request->hostname)) != 0)
        return fail(failure, "invalid_argument", "hostname", errno, "setting the host name");
    if (!container_devices_prepare(failure) || !container_etc_prepare(request, failure))
        return false;
    if (!container_volumes_prepare(request, failure) || !enter_root(failure))
        return false;
    /* Volumes last: one may cover a file of /etc. */
    if (!container_mounts(request->privileged, failure) || !container_etc_attach(failure) || !container_volumes_attach(request, failure))
        return false;
    return request->privileged || capabilities_drop(failure);
}

static bool let_go(struct failure *failure)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        return fail(failure, "internal", "", errno, "detaching the container's init");
    if (setsid() < 0 || prctl(PR_SET_NAME, "boxlite-init", 0, 0, 0) != 0)
        return fail(failure, "internal", "", errno, "naming the container's init");
    return true;
}

static _Noreturn void reap(const sigset_t *watched)
{
    bool leaving = false;
    for (;;) {
        pid_t child;
        do
            child = waitpid(-1, NULL, WNOHANG);
        while (child > 0);
        if (leaving && child < 0 && errno == ECHILD)
            _exit(0);
        siginfo_t info;
        if (sigwaitinfo(watched, &info) < 0)
            continue;
        /* si_pid 0: from outside this pid namespace. The container cannot ask its own init to leave. */
        if (info.si_signo == SIGUSR1 && info.si_pid == 0)
            leaving = true;
    }
}

_Noreturn void container_init_run(const struct init_request *request, int report)
{
    static struct init_report result;
    sigset_t watched;
    /* Set up before the report: the agent may ask for anything right after it. */
    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGCHLD);
    (void)sigaddset(&watched, SIGUSR1);
    result.ok = sigprocmask(SIG_SETMASK, &watched, NULL) == 0 && build(request, &result.failure) && let_go(&result.failure);
    if (write(report, &result, sizeof result) != sizeof result || !result.ok)
        _exit(1);
    if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
        _exit(1);
    reap(&watched);
}
