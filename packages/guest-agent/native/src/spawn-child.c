/*
 * Between fork and execve, in the child. Nothing here allocates. The order matters: the agent's descriptors are gone before any path of
 * the container is touched, so that a hostile /proc/self/fd path leads nowhere; the identity changes last.
 *
 * The child starts with every capability of the agent. It needs no call to give them up: the agent's bounding set is the container's,
 * so execve leaves root with exactly that, and setresuid to another user leaves nothing.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mount-calls.h"
#include "user.h"

#define STATUS_FD 3

static void report(int stage, int value)
{
    struct spawn_report message = { .stage = stage, .errno_value = value };
    /* The agent sees an end without a report as a failure of its own; there is nothing else to do about it here. */
    if (write(STATUS_FD, &message, sizeof message) != sizeof message)
        _exit(126);
}

static _Noreturn void give_up(int stage, int errno_value)
{
    report(stage, errno_value);
    _exit(127);
}

/* Puts the four descriptors in their places and closes all others. */
static void arrange_descriptors(const struct child_plan *plan)
{
    /* The agent keeps 0 to 2 taken, so none of the four is there; the status pipe goes last, because one of the others may be 3. */
    if (dup2(plan->in, 0) < 0 || dup2(plan->out, 1) < 0 || dup2(plan->err, 2) < 0)
        _exit(127);
    if (plan->status != STATUS_FD && dup3(plan->status, STATUS_FD, O_CLOEXEC) < 0)
        _exit(127);
    if (syscall(SYS_close_range, STATUS_FD + 1u, ~0u, 0u) != 0)
        give_up(SPAWN_SETUP, errno);
}

static int open_database(const char *path)
{
    struct stat status;
    int fd = open_resolved(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    return -1;
}

static void take_identity(const struct user *user)
{
    if (setgroups(user->group_count, user->groups) != 0 || setresgid(user->gid, user->gid, user->gid) != 0)
        give_up(SPAWN_IDENTITY, errno);
    if (user->uid != 0 && setresuid(user->uid, user->uid, user->uid) != 0)
        give_up(SPAWN_IDENTITY, errno);
}

static void set_home(struct environment *environment, const struct user *user)
{
    static char home[sizeof "HOME=" + MAX_HOME];
    if (environment->has_home)
        return;
    strcpy(home, "HOME=");
    strcat(home, user->home[0] == '\0' ? "/" : user->home);
    environment->items[environment->count] = home;
}

static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        give_up(SPAWN_SETUP, errno);
}

/* execve of one path; returns only with an error worth reporting, or ENOENT. */
static int try_execute(const char *path, const struct child_plan *plan)
{
    execve(path, plan->argv, plan->environment->items);
    int reason = errno;
    /* The file is there: then what is missing is the interpreter of its first line, or its dynamic loader. */
    if (reason == ENOENT && access(path, F_OK) == 0)
        give_up(SPAWN_INTERPRETER, reason);
    return reason;
}

static _Noreturn void execute(const struct child_plan *plan)
{
    const char *command = plan->argv[0];
    if (strchr(command, '/') != NULL)
        give_up(SPAWN_COMMAND, try_execute(command, plan));
    int reason = ENOENT;
    char path[PATH_MAX];
    size_t length = strlen(command);
    for (const char *entry = plan->environment->path;;) {
        size_t size = strcspn(entry, ":");
        if (size + 1 + length < sizeof path) {
            /* An empty entry is the working directory, as POSIX has it. */
            memcpy(path, entry, size);
            path[size] = '/';
            memcpy(path + (size == 0 ? 0 : size + 1), command, length + 1);
            int failed = try_execute(path, plan);
            if (failed == EACCES)
                reason = EACCES; /* a later entry may still have one that works */
            else if (failed != ENOENT && failed != ENOTDIR)
                give_up(SPAWN_COMMAND, failed);
        }
        if (entry[size] == '\0')
            break;
        entry += size + 1;
    }
    give_up(SPAWN_COMMAND, reason);
}

_Noreturn void spawn_child(const struct child_plan *plan)
{
    static struct user user;
    int joined = setns(plan->mount_namespace, CLONE_NEWNS);
    int reason = errno;
    arrange_descriptors(plan);
    if (joined != 0)
        give_up(SPAWN_NAMESPACE, reason);
    report(SPAWN_PID, (int)getpid());
    if (setsid() < 0)
        give_up(SPAWN_SETUP, errno);
    if (plan->terminal && ioctl(0, TIOCSCTTY, 0) != 0)
        give_up(SPAWN_TERMINAL, errno);
    struct user_files files = { .passwd = open_database("/etc/passwd"), .group = open_database("/etc/group") };
    if (!user_resolve(plan->user, &files, &user))
        give_up(SPAWN_USER, 0);
    if ((files.passwd >= 0 && close(files.passwd) != 0) || (files.group >= 0 && close(files.group) != 0))
        give_up(SPAWN_SETUP, errno);
    if (chdir(plan->cwd[0] == '\0' ? "/" : plan->cwd) != 0)
        give_up(SPAWN_CWD, errno);
    set_home(plan->environment, &user);
    take_identity(&user);
    reset_signals();
    execute(plan);
}
