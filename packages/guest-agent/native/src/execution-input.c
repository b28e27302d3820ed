#include "execution.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outbox.h"

/* What a terminal understands as the end of its input (VEOF of a new pty). */
static const uint8_t END_OF_TRANSMISSION = 4;

void input_close(struct execution *execution)
{
    struct input *in = &execution->in;
    /* The terminal stays: output comes from it. */
    if (in->fd >= 0 && !execution->tty)
        close(in->fd);
    in->fd = -1;
    free(in->queue);
    in->queue = NULL;
    in->start = in->length = 0;
}

void input_reader_gone(struct execution *execution)
{
    /* A command can be over before the agent sees that it began: ExecStarted comes before the end of its stdin. */
    execution_status(execution);
    input_close(execution);
    if (execution->attached && !execution->in.end)
        outbox_signal(FRAME_DATA, execution->stream, CHANNEL_STDIN, FRAME_FLAG_END);
    execution->in.end = true;
}

static void consumed(struct execution *execution, size_t bytes)
{
    struct input *in = &execution->in;
    in->consumed += bytes;
    /* Half a window at a time: the host never waits, and a credit frame is rare. */
    if (in->consumed < INITIAL_CREDIT_BYTES / 2 || !execution->attached || in->end)
        return;
    outbox_credit(execution->stream, CHANNEL_STDIN, (uint32_t)in->consumed);
    in->allowed += in->consumed;
    in->consumed = 0;
}

/* Writes what the command takes. Returns how much; *closed when it reads no more. */
static size_t write_some(int fd, const uint8_t *bytes, size_t length, bool *closed)
{
    size_t done = 0;
    while (done < length) {
        ssize_t written = write(fd, bytes + done, length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN)
            *closed = true;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    return done;
}

static void finish(struct execution *execution)
{
    struct input *in = &execution->in;
    if (!in->end || in->length > 0 || in->fd < 0)
        return;
    bool closed = false;
    if (execution->tty && write_some(in->fd, &END_OF_TRANSMISSION, 1, &closed) == 0 && !closed)
        return; /* the terminal is full: again when it is writable */
    input_close(execution);
}

void input_pump(struct execution *execution)
{
    struct input *in = &execution->in;
    if (in->fd < 0)
        return;
    bool closed = false;
    size_t done = in->length > 0 ? write_some(in->fd, in->queue + in->start, in->length, &closed) : 0;
    if (closed) {
        input_reader_gone(execution);
        return;
    }
    in->start += done;
    in->length -= done;
    if (in->length == 0 && in->queue != NULL) {
        free(in->queue);
        in->queue = NULL;
        in->start = 0;
    }
    consumed(execution, done);
    finish(execution);
}

static bool enqueue(struct input *in, const uint8_t *bytes, size_t length)
{
    if (in->queue == NULL) {
        in->queue = malloc(INITIAL_CREDIT_BYTES);
        if (in->queue == NULL)
            return false;
        in->start = 0;
    }
    if (in->start + in->length + length > INITIAL_CREDIT_BYTES) {
        memmove(in->queue, in->queue + in->start, in->length);
        in->start = 0;
    }
    memcpy(in->queue + in->start + in->length, bytes, length);
    in->length += length;
    return true;
}

bool input_take(struct execution *execution, const uint8_t *bytes, size_t length, bool end)
{
    struct input *in = &execution->in;
    if (length > in->allowed || (in->end && in->fd >= 0))
        return false;
    in->allowed -= length;
    if (in->fd < 0)
        return true; /* the command has closed it; the host has been told or is about to be */
    bool closed = false;
    size_t done = in->length == 0 ? write_some(in->fd, bytes, length, &closed) : 0;
    if (closed || !enqueue(in, bytes + done, length - done)) {
        input_reader_gone(execution);
        return true;
    }
    if (end)
        in->end = true;
    consumed(execution, done);
    input_pump(execution);
    return true;
}
