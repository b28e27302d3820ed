/* How an execution begins, is timed, and ends. */
#include "execution.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "reply.h"
#include "shutdown.h"
#include "spawn.h"

static void started(struct execution *execution)
{
    execution->state = EXECUTION_RUNNING;
    if (execution->attached)
        reply_started(execution);
    if (execution->tty)
        output_end(execution, 1, false);
}

static void not_started(struct execution *execution, const struct spawn_report *report)
{
    struct failure failure;
    spawn_failure(report, &failure);
    if (execution->attached)
        reply_failure(execution->stream, execution->request, &failure, true);
    execution_discard(execution);
}

void execution_discard(struct execution *execution)
{
    execution->attached = false;
    execution->failed = true;
    output_end(execution, 0, false);
    output_end(execution, 1, false);
    input_close(execution);
}

/* The child reports nothing (execve closes the pipe) or why it could not become the command. */
void execution_status(struct execution *execution)
{
    while (execution->status_fd >= 0) {
        struct spawn_report report;
        ssize_t got = read(execution->status_fd, &report, sizeof report);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        close(execution->status_fd);
        execution->status_fd = -1;
        spawn_release(execution->child);
        execution->child = NULL;
        if (got == sizeof report)
            not_started(execution, &report);
        else
            started(execution);
    }
}

void execution_reaped(struct execution *execution, int wait_status, uint64_t now)
{
    /* Its last words come before its death. */
    execution_status(execution);
    execution->pid = 0;
    execution->wait_status = wait_status;
    execution->exited_at = now;
    execution->state = EXECUTION_EXITED;
    for (unsigned channel = 0; channel < 2; channel++) {
        execution->out[channel].readable = true; /* whether it is shows in the next read */
        execution->out[channel].idle_at = now + DRAIN_IDLE_US;
    }
    input_close(execution);
}

void execution_timers(struct execution *execution, uint64_t now)
{
    if (execution->pid == 0)
        return;
    if (execution->timeout_at != 0 && now >= execution->timeout_at) {
        execution->timeout_at = 0;
        execution->timed_out = true;
        execution->kill_at = now + KILL_GRACE_US;
        (void)kill(-execution->pid, SIGTERM);
    }
    if (execution->kill_at != 0 && now >= execution->kill_at) {
        execution->kill_at = 0;
        (void)kill(-execution->pid, SIGKILL);
    }
}

void executions_kill_groups(void)
{
    for (unsigned index = 0; index < executions_end(); index++) {
        const struct execution *execution = execution_at(index);
        siginfo_t ended = { .si_pid = 0 };
        if (!execution->timed_out || execution->pid == 0)
            continue;
        /* While the leader is not reaped its number is not given to another group: now or never. */
        if (waitid(P_PID, (id_t)execution->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == execution->pid)
            (void)kill(-execution->pid, SIGKILL);
    }
}

uint64_t execution_deadline(const struct execution *execution)
{
    uint64_t deadline = 0;
    if (execution->pid != 0)
        return earlier(execution->timeout_at, execution->kill_at);
    if (execution->state != EXECUTION_EXITED)
        return 0;
    for (unsigned channel = 0; channel < 2; channel++) {
        const struct output *out = &execution->out[channel];
        if (out->ended || !(out->drained || out->after_exit >= MAX_PIPE_BYTES))
            continue;
        uint64_t latest = execution->exited_at + DRAIN_MAX_US;
        deadline = earlier(deadline, out->readable || out->idle_at > latest ? latest : out->idle_at);
    }
    return deadline;
}

void execution_settle(struct execution *execution)
{
    if (execution->state != EXECUTION_EXITED || !execution->out[0].ended || !execution->out[1].ended)
        return;
    bool ends_machine = execution->main && !execution->failed;
    if (execution->attached)
        reply_exited(execution);
    execution_release(execution);
    if (ends_machine)
        shutdown_begin("the main command has ended", SHUTDOWN_GRACE_US);
}

void execution_detach(struct execution *execution)
{
    if (!execution->attached)
        return;
    execution->attached = false;
    execution->in.end = true;
    input_pump(execution);
    output_detach(execution);
}
