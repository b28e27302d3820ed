/* The frame of the agent link. Mirrors packages/core/src/wire/frame.ts, which describes it. */
#ifndef BOXLITE_FRAME_H
#define BOXLITE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_BYTES 12u
#define MAX_FRAME_PAYLOAD 65536u
#define INITIAL_CREDIT_BYTES 131072u

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_REQUEST = 2,
    FRAME_RESPONSE = 3,
    FRAME_DATA = 4,
    FRAME_CREDIT = 5,
    FRAME_CLOSE = 6,
    FRAME_SHUTDOWN = 7,
    FRAME_SLOT_GONE = 8,
    FRAME_LINK_ACK = 9,
};

enum { FRAME_FLAG_END = 1, FRAME_FLAG_MORE = 2, FRAME_FLAG_WINDOWED = 4 };

enum channel { CHANNEL_STDIN = 0, CHANNEL_STDOUT = 1, CHANNEL_STDERR = 2 };

struct frame {
    uint32_t stream;
    uint8_t type;
    uint8_t channel;
    uint16_t flags;
    uint32_t length;
    const uint8_t *payload; /* a view of the parsed bytes */
};

/*
 * Cuts the first frame from bytes. Returns its whole size, 0 when more bytes are needed, -1 when its header announces more than
 * MAX_FRAME_PAYLOAD: then nothing after it can be trusted.
 */
long frame_parse(const uint8_t *bytes, size_t length, struct frame *frame);

/* Writes the FRAME_HEADER_BYTES of a header. */
void frame_write_header(uint8_t *out, const struct frame *frame);

uint32_t read_u32(const uint8_t *bytes);
void write_u32(uint8_t *out, uint32_t value);

#endif
