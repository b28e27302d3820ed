#include "frame.h"

uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void write_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)(value >> 16);
    out[3] = (uint8_t)(value >> 24);
}

long frame_parse(const uint8_t *bytes, size_t length, struct frame *frame)
{
    if (length < FRAME_HEADER_BYTES)
        return 0;
    uint32_t payload = read_u32(bytes);
    if (payload > MAX_FRAME_PAYLOAD)
        return -1;
    if (length - FRAME_HEADER_BYTES < payload)
        return 0;
    frame->length = payload;
    frame->stream = read_u32(bytes + 4);
    frame->type = bytes[8];
    frame->channel = bytes[9];
    frame->flags = (uint16_t)(bytes[10] | bytes[11] << 8);
    frame->payload = bytes + FRAME_HEADER_BYTES;
    return (long)(FRAME_HEADER_BYTES + payload);
}

void frame_write_header(uint8_t *out, const struct frame *frame)
{
    write_u32(out, frame->length);
    write_u32(out + 4, frame->stream);
    out[8] = frame->type;
    out[9] = frame->channel;
    out[10] = (uint8_t)frame->flags;
    out[11] = (uint8_t)(frame->flags >> 8);
}
