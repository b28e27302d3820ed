#include "outbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "link-window.h"

/* Static: only touched pages cost memory, and an outbox that empties starts again at the first page. */
static uint8_t bytes[OUTBOX_BYTES];
static size_t start;
static size_t end;
static bool urgent;
static uint64_t lingers_until;
static struct link_window window;

/* A smaller rest of the window is not worth a frame of its own. */
#define SMALLEST_SHARE 4096u

static size_t room_left(void)
{
    return OUTBOX_BYTES - (end - start);
}

static void make_contiguous(size_t wanted)
{
    if (OUTBOX_BYTES - end >= wanted || start == 0)
        return;
    memmove(bytes, bytes + start, end - start);
    end -= start;
    start = 0;
}

size_t outbox_data_room(void)
{
    size_t left = room_left();
    if (left <= OUTBOX_RESERVE + FRAME_HEADER_BYTES)
        return 0;
    left -= OUTBOX_RESERVE + FRAME_HEADER_BYTES;
    size_t share = window_room(&window);
    if (share < SMALLEST_SHARE)
        return 0;
    share -= FRAME_HEADER_BYTES;
    if (left > share)
        left = share;
    return left < MAX_FRAME_PAYLOAD ? left : MAX_FRAME_PAYLOAD;
}

bool outbox_takes_requests(void)
{
    /* Half of the reserve stays for what comes unasked: ends, exits and credits of every execution. */
    return room_left() > OUTBOX_RESERVE / 2;
}

uint8_t *outbox_payload(size_t room)
{
    make_contiguous(FRAME_HEADER_BYTES + room);
    if (OUTBOX_BYTES - end < FRAME_HEADER_BYTES + room)
        return NULL;
    return bytes + end + FRAME_HEADER_BYTES;
}

void outbox_commit(struct frame frame)
{
    frame_write_header(bytes + end, &frame);
    end += FRAME_HEADER_BYTES + frame.length;
    if (frame.type != FRAME_HELLO && frame.type != FRAME_LINK_ACK)
        window_sent(&window, FRAME_HEADER_BYTES + frame.length);
    if (frame.type != FRAME_DATA || frame.length > 0)
        urgent = true;
}

void outbox_signal(uint8_t type, uint32_t stream, uint8_t channel, uint16_t flags)
{
    if (outbox_payload(0) != NULL)
        outbox_commit((struct frame){ .type = type, .stream = stream, .channel = channel, .flags = flags });
}

void outbox_credit(uint32_t stream, uint8_t channel, uint32_t granted)
{
    uint8_t *payload = outbox_payload(4);
    if (payload == NULL)
        return;
    write_u32(payload, granted);
    outbox_commit((struct frame){ .type = FRAME_CREDIT, .stream = stream, .channel = channel, .length = 4 });
}

void outbox_received(size_t size)
{
    window_received(&window, size);
    uint32_t due = window_due(&window);
    uint8_t *payload = due == 0 ? NULL : outbox_payload(4);
    if (payload == NULL)
        return; /* not yet; or, with a full outbox, with a later frame */
    write_u32(payload, due);
    outbox_commit((struct frame){ .type = FRAME_LINK_ACK, .length = 4 });
    window_paid(&window, due);
}

void outbox_acked(uint32_t size)
{
    window_acked(&window, size);
}

static void clear(void)
{
    start = end = 0;
    urgent = false;
    lingers_until = 0;
}

bool outbox_flush(int link, size_t most)
{
    while (start < end) {
        ssize_t written = write(link, bytes + start, end - start < most ? end - start : most);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno == EAGAIN;
        if (written == 0)
            return true;
        start += (size_t)written;
    }
    clear();
    return true;
}

uint64_t outbox_due(uint64_t now)
{
    if (outbox_is_empty())
        return 0;
    if (lingers_until == 0)
        lingers_until = now + OUTBOX_LINGER_US;
    return urgent ? now : lingers_until;
}

bool outbox_is_empty(void)
{
    return start == end;
}

void outbox_forget(void)
{
    clear();
    window = (struct link_window){ .unacked = 0 };
}
