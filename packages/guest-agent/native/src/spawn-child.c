/*
 * Between clone and execve, in the child.
 *
 * The child shares the agent's memory (CLONE_VM, not vfork): no page is copied for a process that is about to be replaced, and the agent
 * does not wait for it, so that neither a slow disk nor a SIGSTOP from inside the container can hold the agent up. The price: nothing here
 * may write to shared state, and libc's wrappers do (errno), so system calls are raw and all memory is the child's own struct.
 * The container cannot look into it: the agent is not dumpable (CVE-2016-9962).
 *
 * The order matters: the agent's descriptors are gone before any path of the container is touched, so that a hostile /proc/self/fd path
 * leads nowhere (CVE-2024-21626); the identity changes last. Capabilities need no call: the agent's bounding set is the container's, so
 * execve leaves root with exactly that, and setresuid to another user leaves nothing.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "raw-syscall.h"

#define STATUS_FD 3

/* What the kernel takes as a signal set: 64 bits, not libc's 1024. */
#define KERNEL_SIGSET_BYTES 8

static _Noreturn void give_up(enum spawn_stage stage, long result)
{
    struct spawn_report message = { .stage = stage, .errno_value = (int)-result };
    /* Eight bytes into an empty pipe cannot fail; the exit status tells it apart should it happen all the same. */
    long written = RAW(SYS_write, STATUS_FD, &message, sizeof message);
    for (;;)
        (void)RAW(SYS_exit_group, written == sizeof message ? 127 : 126);
}

static void must(long result, enum spawn_stage stage)
{
    if (result < 0)
        give_up(stage, result);
}

/* Puts the four descriptors in their places and closes all others. */
static void arrange_descriptors(const struct child *child)
{
    /* The agent keeps 0 to 2 taken, so none of the four is there; the status pipe goes last, because one of the others may be 3. */
    long result = RAW(SYS_dup3, child->in, 0, 0);
    if (result >= 0)
        result = RAW(SYS_dup3, child->out, 1, 0);
    if (result >= 0)
        result = RAW(SYS_dup3, child->err, 2, 0);
    if (result >= 0 && child->status != STATUS_FD)
        result = RAW(SYS_dup3, child->status, STATUS_FD, O_CLOEXEC);
    if (result < 0)
        for (;;)
            (void)RAW(SYS_exit_group, 126);
    must(RAW(SYS_close_range, STATUS_FD + 1u, ~0u, 0), SPAWN_SETUP);
}

/*
 * A database of users, or a negative number, which reads as an empty file. O_NONBLOCK: it may turn out to be a FIFO. What else it may be
 * (a symlink to a device of the container) is read like a file, up to the bound.
 */
static int open_database(const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
    return (int)RAW(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static void close_database(int fd)
{
    if (fd >= 0)
        must(RAW(SYS_close, fd), SPAWN_SETUP);
}

/* Nobody but the agent writes to this memory, and it wakes when it has. */
static void await_request(struct child *child)
{
    while (__atomic_load_n(&child->go, __ATOMIC_ACQUIRE) == 0)
        (void)RAW(SYS_futex, &child->go, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static void take_identity(const struct user *user)
{
    must(RAW(SYS_setgroups, user->group_count, user->groups), SPAWN_IDENTITY);
    must(RAW(SYS_setresgid, user->gid, user->gid, user->gid), SPAWN_IDENTITY);
    /* For root there is nothing to change. */
    if (user->uid != 0)
        must(RAW(SYS_setresuid, user->uid, user->uid, user->uid), SPAWN_IDENTITY);
}

static void set_home(struct child *child)
{
    struct environment *environment = &child->environment;
    if (environment->has_home)
        return;
    strcpy(child->home, "HOME=");
    strcat(child->home, child->identity.home[0] == '\0' ? "/" : child->identity.home);
    environment->items[environment->count] = child->home;
}

/* execve of one path; returns why it did not work. */
static long try_execute(const struct child *child, const char *path)
{
    long result = RAW(SYS_execve, path, child->request.exec.argv.items, child->environment.items);
    /* The file is there: then what is missing is the interpreter of its first line, or its dynamic loader. */
    if (result == -ENOENT && RAW(SYS_faccessat, AT_FDCWD, path, F_OK) == 0)
        give_up(SPAWN_INTERPRETER, result);
    return result;
}

static _Noreturn void execute(struct child *child)
{
    const char *command = child->request.exec.argv.items[0];
    if (strchr(command, '/') != NULL)
        give_up(SPAWN_COMMAND, try_execute(child, command));
    long reason = -ENOENT;
    size_t length = strlen(command);
    for (const char *entry = child->environment.path;;) {
        size_t size = strcspn(entry, ":");
        if (size + 1 + length < sizeof child->path) {
            /* An empty entry is the working directory, as POSIX has it. */
            memcpy(child->path, entry, size);
            child->path[size] = '/';
            memcpy(child->path + (size == 0 ? 0 : size + 1), command, length + 1);
            /* A look is cheap; an execve of what is not there makes and destroys half a process. */
            long failed = RAW(SYS_faccessat, AT_FDCWD, child->path, F_OK);
            if (failed == 0)
                failed = try_execute(child, child->path);
            if (failed == -EACCES)
                reason = failed; /* a later entry may still have one that works */
            else if (failed != -ENOENT && failed != -ENOTDIR)
                give_up(SPAWN_COMMAND, failed);
        }
        if (entry[size] == '\0')
            break;
        entry += size + 1;
    }
    give_up(SPAWN_COMMAND, reason);
}

void spawn_child(void *argument)
{
    struct child *child = argument;
    unsigned long long no_signals = 0;
    long joined = RAW(SYS_setns, child->mount_namespace, CLONE_NEWNS);
    arrange_descriptors(child);
    must(joined, SPAWN_NAMESPACE);
    must(RAW(SYS_setsid, 0), SPAWN_SETUP);
    if (child->waits)
        await_request(child);
    if (child->terminal)
        must(RAW(SYS_ioctl, 0, TIOCSCTTY, 0), SPAWN_TERMINAL);
    child->files.passwd = open_database("/etc/passwd");
    child->files.group = open_database("/etc/group");
    if (!user_resolve(child->user, &child->files, &child->identity))
        give_up(SPAWN_USER, 0);
    close_database(child->files.passwd);
    close_database(child->files.group);
    must(RAW(SYS_chdir, child->cwd[0] == '\0' ? "/" : child->cwd), SPAWN_CWD);
    set_home(child);
    take_identity(&child->identity);
    must(RAW(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, KERNEL_SIGSET_BYTES), SPAWN_SETUP);
    execute(child);
}
