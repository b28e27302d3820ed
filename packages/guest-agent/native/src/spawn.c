#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"
#include "raw-syscall.h"

/* The ends of the child; closed again in the parent. */
struct child_ends {
    int in;
    int out;
    int err;
    int status;
};

static bool make_pipe(int *mine, int *childs, bool child_reads)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *mine = ends[child_reads ? 1 : 0];
    *childs = ends[child_reads ? 0 : 1];
    /* Only the agent's end: the command gets an ordinary blocking pipe. */
    return fcntl(*mine, F_SETFL, O_NONBLOCK) == 0;
}

static bool open_terminal(struct execution *execution, const struct exec_request *request, struct child_ends *ends)
{
    struct winsize size = { .ws_row = request->rows, .ws_col = request->cols };
    int unlocked = 0;
    /* The container's own devpts, so that the terminal has a name there; the slave comes from the master, by no path. */
    int master = openat(agent.container.pts, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    execution->out[0].fd = execution->in.fd = master;
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) != 0 || ioctl(master, TIOCSWINSZ, &size) != 0)
        return false;
    ends->in = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    ends->out = ends->err = ends->in;
    return ends->in >= 0;
}

static bool open_pipes(struct execution *execution, const struct exec_request *request, struct child_ends *ends)
{
    if (!request->stdin_open)
        ends->in = agent.null;
    else if (!make_pipe(&execution->in.fd, &ends->in, true))
        return false;
    return make_pipe(&execution->out[0].fd, &ends->out, false) && make_pipe(&execution->out[1].fd, &ends->err, false);
}

static bool watch_all(struct execution *execution)
{
    unsigned index = execution_index(execution);
    if (!watch(execution->status_fd, EPOLLIN, EVENT_TAG(EVENT_STATUS, index)))
        return false;
    if (execution->tty)
        return watch(execution->out[0].fd, EPOLLIN | EPOLLOUT, EVENT_TAG(EVENT_TTY, index));
    if (execution->in.fd >= 0 && !watch(execution->in.fd, EPOLLOUT, EVENT_TAG(EVENT_STDIN, index)))
        return false;
    return watch(execution->out[0].fd, EPOLLIN, EVENT_TAG(EVENT_STDOUT, index)) &&
           watch(execution->out[1].fd, EPOLLIN, EVENT_TAG(EVENT_STDERR, index));
}

static void close_ends(const struct child_ends *ends, bool terminal)
{
    if (ends->in >= 0 && ends->in != agent.null)
        close(ends->in);
    if (!terminal && ends->out >= 0)
        close(ends->out);
    if (!terminal && ends->err >= 0)
        close(ends->err);
    if (ends->status >= 0)
        close(ends->status);
}

static const char *chosen(const char *asked, const char *fallback)
{
    return asked[0] != '\0' ? asked : fallback;
}

/* One that was used stays for the next, so that an exec needs no fresh pages. */
static struct child *spare;

static struct child *allocate_child(void)
{
    struct child *child = spare != NULL ? spare : malloc(sizeof *child);
    spare = NULL;
    if (child != NULL) {
        child->environment.items = NULL;
        child->waits = false;
    }
    return child;
}

void spawn_release(struct child *child)
{
    environment_free(&child->environment);
    request_free(&child->request);
    if (spare == NULL)
        spare = child;
    else
        free(child);
}

static pid_t start_child(struct execution *execution, struct child *child, const struct child_ends *ends)
{
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_CHILD_SETTID,
        .exit_signal = SIGCHLD,
        .child_tid = (uintptr_t)&execution->inner_pid,
        .stack = (uintptr_t)child->stack,
        .stack_size = sizeof child->stack,
    };
    if (agent.container.cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (unsigned)agent.container.cgroup;
    }
    child->mount_namespace = agent.container.mount_namespace;
    child->terminal = child->request.exec.tty;
    child->in = ends->in;
    child->out = ends->out;
    child->err = ends->err;
    child->status = ends->status;
    long pid = raw_clone3(&arguments, spawn_child, child);
    if (pid < 0)
        errno = (int)-pid;
    return pid < 0 ? -1 : (pid_t)pid;
}

static bool open_streams(struct execution *execution, const struct exec_request *request, struct child_ends *ends)
{
    int status[2];
    if (pipe2(status, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    execution->status_fd = status[0];
    ends->status = status[1];
    return request->tty ? open_terminal(execution, request, ends) : open_pipes(execution, request, ends);
}

/* Of the child that waits; `child` is NULL when none does. */
static struct {
    struct child *child;
    struct execution ends; /* pid and descriptors of what is to be its execution */
} ahead;

void spawn_ahead(void)
{
    struct child_ends ends = { -1, -1, -1, -1 };
    struct child *child = ahead.child == NULL ? allocate_child() : NULL;
    if (child == NULL)
        return;
    /* Also its pages are there then. */
    memset(child, 0, sizeof *child);
    child->waits = true;
    ahead.ends = (struct execution){ .status_fd = -1, .in.fd = -1, .out = { { .fd = -1 }, { .fd = -1 } } };
    ahead.ends.pid = open_streams(&ahead.ends, &child->request.exec, &ends) ? start_child(&ahead.ends, child, &ends) : -1;
    close_ends(&ends, false);
    ahead.child = child;
    if (ahead.ends.pid < 0)
        spawn_drop_ahead();
}

static void close_ahead(void)
{
    const int fds[] = { ahead.ends.status_fd, ahead.ends.out[0].fd, ahead.ends.out[1].fd };
    for (size_t index = 0; index < sizeof fds / sizeof fds[0]; index++) {
        if (fds[index] >= 0)
            close(fds[index]);
    }
    spawn_release(ahead.child);
    ahead.child = NULL;
}

void spawn_drop_ahead(void)
{
    if (ahead.child == NULL)
        return;
    if (ahead.ends.pid > 0) {
        (void)kill(ahead.ends.pid, SIGKILL);
        /* It is in nobody's hands but ours, so it ends at once; until then it works on this memory. */
        while (waitpid(ahead.ends.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close_ahead();
}

void spawn_reaped(pid_t pid)
{
    if (ahead.child != NULL && pid == ahead.ends.pid)
        close_ahead();
}

/* The child that waits, where the request is one for it. */
static struct child *take_ahead(struct execution *execution, const struct exec_request *request)
{
    struct child *child = ahead.child;
    if (child == NULL)
        return NULL;
    if (request->tty || request->stdin_open) {
        spawn_drop_ahead();
        return NULL;
    }
    execution->pid = ahead.ends.pid;
    execution->inner_pid = ahead.ends.inner_pid;
    execution->status_fd = ahead.ends.status_fd;
    for (unsigned channel = 0; channel < 2; channel++)
        execution->out[channel].fd = ahead.ends.out[channel].fd;
    ahead.child = NULL;
    return child;
}

static void let_go(struct child *child)
{
    __atomic_store_n(&child->go, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &child->go, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool spawn(struct execution *execution, struct request *taken, uint64_t now, struct failure *failure)
{
    struct child_ends ends = { -1, -1, -1, -1 };
    struct child *waiting = take_ahead(execution, &taken->exec);
    struct child *child = waiting != NULL ? waiting : allocate_child();
    if (child == NULL) {
        request_free(taken);
        return fail(failure, "resource_exhausted", "", 0, "no memory for another command");
    }
    child->request = *taken;
    const struct exec_request *request = &child->request.exec;
    execution->tty = request->tty;
    execution->main = request->main;
    execution->started_at = now;
    execution->timeout_at = request->timeout_ms == 0 ? 0 : now + (uint64_t)request->timeout_ms * 1000u;
    execution->in.end = !request->stdin_open && !request->tty;
    child->user = chosen(request->user, agent.user);
    child->cwd = chosen(request->cwd, agent.cwd);
    bool merged = environment_merge(&agent.env, &request->env, agent.hostname, request->tty, &child->environment);
    pid_t pid = waiting != NULL ? execution->pid : -1;
    if (waiting == NULL && merged && open_streams(execution, request, &ends))
        pid = start_child(execution, child, &ends);
    int reason = errno;
    close_ends(&ends, request->tty);
    if (pid < 0) {
        spawn_release(child);
        return fail(failure, "resource_exhausted", "", reason, "starting a command");
    }
    execution->pid = pid;
    execution->child = child;
    execution->state = EXECUTION_STARTING;
    if (merged && watch_all(execution)) {
        if (waiting != NULL)
            let_go(child);
        return true;
    }
    /* Nothing would ever be heard of it. It is reaped, and its memory freed, like any other. */
    (void)kill(pid, SIGKILL);
    return fail(failure, "resource_exhausted", "", errno, "watching a command");
}

void spawn_failure(const struct spawn_report *report, struct failure *failure)
{
    int reason = report->errno_value;
    switch ((enum spawn_stage)report->stage) {
    case SPAWN_USER:
        (void)fail(failure, "user_not_found", "user", 0, "the container's /etc/passwd and /etc/group have no such user or group");
        return;
    case SPAWN_CWD:
        (void)fail(failure, "cwd_not_found", "cwd", reason, "the working directory cannot be entered");
        return;
    case SPAWN_INTERPRETER:
        (void)fail(failure, "command_not_found", "argv", reason, "the command is there, its interpreter or dynamic loader is not");
        return;
    case SPAWN_COMMAND:
        if (reason == ENOENT || reason == ENOTDIR)
            (void)fail(failure, "command_not_found", "argv", reason, "no such command in the container");
        else if (reason == ENOMEM || reason == EAGAIN)
            (void)fail(failure, "resource_exhausted", "argv", reason, "the command cannot be loaded");
        else if (reason == E2BIG)
            (void)fail(failure, "invalid_argument", "argv", reason, "arguments and environment are too long");
        else
            (void)fail(failure, "command_not_executable", "argv", reason, "the command cannot be executed");
        return;
    default:
        (void)fail(failure, "execution_failed", "", reason, "preparing the command failed at step %d", report->stage);
        return;
    }
}
