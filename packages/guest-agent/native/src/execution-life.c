/* How an execution begins, is timed, and ends. */
#include "execution.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
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
    execution->attached = false;
    execution->failed = true;
    output_end(execution, 0, false);
    output_end(execution, 1, false);
    input_close(execution);
}

/* The child reports its pid, then nothing (execve closes the pipe) or why it could not become the command. */
void execution_status(struct execution *execution)
{
    while (execution->status_fd >= 0) {
        struct spawn_report report;
        ssize_t got = read(execution->status_fd, &report, sizeof report);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got == sizeof report && report.stage == SPAWN_PID) {
            execution->inner_pid = report.errno_value;
            continue;
        }
        close(execution->status_fd);
        execution->status_fd = -1;
        if (got == sizeof report)
            not_started(execution, &report);
        else
            started(execution);
    }
}

static size_t pending_bytes(int fd)
{
    int pending = 0;
    if (fd < 0 || ioctl(fd, FIONREAD, &pending) != 0 || pending < 0)
        return 0;
    return (size_t)pending;
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
        execution->out[channel].owed = pending_bytes(execution->out[channel].fd);
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

static uint64_t earlier(uint64_t first, uint64_t second)
{
    if (first == 0 || second == 0)
        return first + second;
    return first < second ? first : second;
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
        if (out->ended || out->owed > 0)
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
