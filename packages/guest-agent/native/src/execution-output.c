#include "execution.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent.h"
#include "outbox.h"

/*
 * Read ends of pipes whose execution is over while processes it left behind still hold the other end: read and dropped, so that a
 * server started with `&` does not die of SIGPIPE at its first line of log. Beyond this many, the pipe is closed after all.
 */
#define MAX_LEFTOVERS 256

static int leftovers[MAX_LEFTOVERS];
static uint8_t dropped[65536];
static bool waited_for_room;

static bool keep_leftover(int fd)
{
    for (unsigned index = 0; index < MAX_LEFTOVERS; index++) {
        if (leftovers[index] != 0)
            continue;
        /* Level-triggered: each event is one bounded read, so that a chatty one takes its turn with the rest. */
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = EVENT_TAG(EVENT_LEFTOVER, index) };
        if (epoll_ctl(agent.epoll, EPOLL_CTL_MOD, fd, &event) != 0)
            return false;
        leftovers[index] = fd;
        return true;
    }
    return false;
}

void leftover_drain(unsigned index)
{
    if (index >= MAX_LEFTOVERS || leftovers[index] == 0)
        return;
    ssize_t got = read(leftovers[index], dropped, sizeof dropped);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    /* Not by the close alone: a child that has just been cloned may still hold a copy, and the event would come for ever. */
    (void)epoll_ctl(agent.epoll, EPOLL_CTL_DEL, leftovers[index], NULL);
    close(leftovers[index]);
    leftovers[index] = 0;
}

static void close_output(struct execution *execution, struct output *out)
{
    if (out->fd >= 0 && execution->tty)
        input_close(execution); /* the same descriptor */
    if (out->fd >= 0)
        close(out->fd);
    out->fd = -1;
    out->readable = false;
}

void output_end(struct execution *execution, unsigned channel, bool held)
{
    struct output *out = &execution->out[channel];
    if (!out->ended && execution->attached)
        outbox_signal(FRAME_DATA, execution->stream, (uint8_t)(CHANNEL_STDOUT + channel), FRAME_FLAG_END);
    out->ended = true;
    if (held && !execution->tty && out->fd >= 0 && keep_leftover(out->fd))
        out->fd = -1;
    close_output(execution, out);
}

/* One read, to the host or to nowhere. True: try again at once. */
static bool pump_channel(struct execution *execution, unsigned channel, uint64_t now)
{
    struct output *out = &execution->out[channel];
    if (out->fd < 0 || !out->readable)
        return false;
    uint8_t *target = dropped;
    size_t room = sizeof dropped;
    if (execution->attached) {
        room = outbox_data_room();
        if (room == 0)
            waited_for_room = true;
        room = room < out->credit ? room : (size_t)out->credit;
        if (room == 0 || (target = outbox_payload(room)) == NULL)
            return false;
    }
    ssize_t got = read(out->fd, target, room);
    if (got < 0 && errno == EINTR)
        return true;
    if (got < 0 && errno == EAGAIN) {
        out->readable = false;
        out->drained = execution->state == EXECUTION_EXITED;
        return false;
    }
    if (got <= 0) { /* 0, or EIO: no process holds the terminal */
        output_end(execution, channel, false);
        return false;
    }
    out->idle_at = now + DRAIN_IDLE_US;
    if (execution->state == EXECUTION_EXITED)
        out->after_exit += (size_t)got;
    if (execution->attached) {
        out->credit -= (size_t)got;
        outbox_commit((struct frame){ .type = FRAME_DATA, .stream = execution->stream,
                                      .channel = (uint8_t)(CHANNEL_STDOUT + channel), .length = (uint32_t)got });
    }
    return true;
}

/* After the exit: whether the channel has waited long enough for processes that hold it. */
static void end_when_idle(struct execution *execution, unsigned channel, uint64_t now)
{
    struct output *out = &execution->out[channel];
    if (execution->state != EXECUTION_EXITED || out->ended)
        return;
    bool idle = !out->readable && now >= out->idle_at;
    bool complete = out->drained || out->after_exit >= MAX_PIPE_BYTES;
    if (complete && (idle || now >= execution->exited_at + DRAIN_MAX_US))
        output_end(execution, channel, true);
}

bool output_pump(struct execution *execution, uint64_t now)
{
    bool more = false;
    if (execution->state == EXECUTION_STARTING)
        return false; /* ExecStarted comes before the first byte */
    for (unsigned channel = 0; channel < 2; channel++) {
        if (pump_channel(execution, channel, now))
            more = true;
        end_when_idle(execution, channel, now);
    }
    return more;
}

bool output_waited_for_room(void)
{
    bool waited = waited_for_room;
    waited_for_room = false;
    return waited;
}

void output_credit(struct execution *execution, uint8_t channel, uint32_t bytes)
{
    if (channel != CHANNEL_STDOUT && channel != CHANNEL_STDERR)
        return;
    execution->out[channel - CHANNEL_STDOUT].credit += bytes;
}

void output_detach(struct execution *execution)
{
    for (unsigned channel = 0; channel < 2; channel++) {
        struct output *out = &execution->out[channel];
        out->ended = true;
        if (execution->state == EXECUTION_EXITED || execution->state == EXECUTION_FREE)
            output_end(execution, channel, true);
    }
}
