/* Process 1 of the container. A fork of the agent, so that it shares its memory pages; it does nothing but reap. */
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount-calls.h"
#include "staging.h"

/* Where the view is built that becomes /proc, /dev and /sys of the container. */
#define SKELETON STAGING "/skeleton"

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

/* What of the container is the same for every box: built before anybody has asked for one, in a directory of the staging file system. */
static bool prepare(struct failure *failure)
{
    if (!protect_from_oom(failure))
        return false;
    if (unshare(CLONE_NEWCGROUP) != 0 && errno != EINVAL)
        return fail(failure, "internal", "", errno, "making the cgroup namespace");
    /* The disk the agent is going to mount comes in here; nothing goes out. */
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return fail(failure, "internal", "", errno, "making the mounts private");
    if (mkdir(SKELETON, 0755) != 0 && errno != EEXIST)
        return fail(failure, "internal", "", errno, "making %s", SKELETON);
    return container_devices_prepare(failure) && container_boot_id_prepare(failure) && container_mounts(SKELETON, false, failure) &&
           container_etc_prepare(failure);
}

/* Moves what was prepared to a directory of the image; see mount_on in container-mounts.c for its symlinks. */
static bool move_into_image(const char *prepared, const char *name, struct failure *failure)
{
    unsigned long long how = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int target = open_resolved(name, O_PATH | O_DIRECTORY, 0, how);
    if (target < 0 && errno == ENOENT && mkdir(name, 0755) == 0)
        target = open_resolved(name, O_PATH | O_DIRECTORY, 0, how);
    if (target < 0)
        return fail(failure, errno == ELOOP || errno == ENOTDIR ? "image_invalid" : "storage_error", "disk", errno,
                    "/%s of the image cannot be mounted on", name);
    bool moved = move_mount_to(prepared, target) == 0;
    int reason = errno;
    if (close(target) != 0)
        return fail(failure, "internal", "", errno, "closing /%s", name);
    return moved || fail(failure, "internal", "", reason, "moving %s into the image", prepared);
}

static bool enter_root(bool privileged, struct failure *failure)
{
    static const char *const names[] = { "proc", "dev", "sys" };
    if (chdir(CONTAINER_MOUNT) != 0)
        return fail(failure, "internal", "", errno, "entering the container's root");
    for (size_t index = 0; !privileged && index < sizeof names / sizeof names[0]; index++) {
        char prepared[sizeof SKELETON + 8];
        (void)snprintf(prepared, sizeof prepared, "%s/%s", SKELETON, names[index]);
        if (!move_into_image(prepared, names[index], failure))
            return false;
    }
    /* The old root lands on top of the new one and is taken off at once: no directory of the image is needed for it. */
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return fail(failure, "internal", "", errno, "changing to the container's root");
    return mount(NULL, "/", NULL, MS_PRIVATE, NULL) == 0 || fail(failure, "internal", "", errno, "making the root private");
}

static bool build(const struct init_request *request, struct failure *failure)
{
    bool privileged = request->privileged;
    if (privileged && !container_boot_id_prepare(failure))
        return false;
    if (!container_volumes_prepare(request, failure) || !enter_root(privileged, failure))
        return false;
    /* Another view than the one that was prepared. */
    if (privileged && !container_mounts("", true, failure))
        return false;
    /* Volumes last: one may cover a file of /etc. */
    if (!container_etc_attach(request, failure) || !container_volumes_attach(request, failure))
        return false;
    return privileged || capabilities_drop(failure);
}

static bool let_go(struct failure *failure)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        return fail(failure, "internal", "", errno, "detaching the container's init");
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

/* The agent's descriptors are not its own: as long as it had the link's, for one, nobody could open that again. */
static bool close_others(int first, int second)
{
    unsigned low = (unsigned)(first < second ? first : second);
    unsigned high = (unsigned)(first < second ? second : first);
    return (low == 3 || syscall(SYS_close_range, 3u, low - 1, 0u) == 0) &&
           (high == low + 1 || syscall(SYS_close_range, low + 1, high - 1, 0u) == 0) && syscall(SYS_close_range, high + 1, ~0u, 0u) == 0;
}

static bool become_init(int order, int report, const sigset_t *watched, struct failure *failure)
{
    if (!close_others(order, report) || sigprocmask(SIG_SETMASK, watched, NULL) != 0 || setsid() < 0 || prctl(PR_SET_NAME, "boxlite-init", 0, 0, 0) != 0)
        return fail(failure, "internal", "", errno, "becoming the container's init");
    return true;
}

static void tell(int report, bool ok, const struct failure *failure)
{
    static struct init_report result;
    result.ok = ok;
    result.failure = *failure;
    if (write(report, &result, sizeof result) != sizeof result || !ok)
        _exit(1);
}

_Noreturn void container_init_run(const struct init_request *request, int order, int report)
{
    static struct failure failure;
    sigset_t watched;
    char go;
    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGCHLD);
    (void)sigaddset(&watched, SIGUSR1);
    tell(report, become_init(order, report, &watched, &failure) && prepare(&failure), &failure);
    /* Here it may wait for long, and in a machine that is captured: each of those that continue from it goes on alone. */
    ssize_t got;
    do
        got = read(order, &go, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        _exit(0);
    tell(report, build(request, &failure) && let_go(&failure), &failure);
    if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
        _exit(1);
    reap(&watched);
}
