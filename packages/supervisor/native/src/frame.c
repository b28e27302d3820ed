#include "frame.h"

uint32_t read_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void write_u32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)(value >> 16);
	bytes[3] = (uint8_t)(value >> 24);
}

long frame_parse(const uint8_t *bytes, size_t size, struct frame *frame)
{
	if (size < 4)
		return 0;
	frame->length = read_u32(bytes);
	if (frame->length > FRAME_MAX_PAYLOAD)
		return -1;
	if (size < FRAME_HEADER || size - FRAME_HEADER < frame->length)
		return 0;
	frame->stream = read_u32(bytes + 4);
	frame->type = bytes[8];
	frame->channel = bytes[9];
	frame->flags = (uint16_t)(bytes[10] | bytes[11] << 8);
	frame->payload = bytes + FRAME_HEADER;
	return (long)(FRAME_HEADER + frame->length);
}

void frame_header(uint8_t header[FRAME_HEADER], const struct frame *frame, uint32_t stream)
{
	write_u32(header, frame->length);
	write_u32(header + 4, stream);
	header[8] = frame->type;
	header[9] = frame->channel;
	header[10] = (uint8_t)frame->flags;
	header[11] = (uint8_t)(frame->flags >> 8);
}

enum frame_verdict frame_from_client(const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_REQUEST:
	case FRAME_DATA:
	case FRAME_CREDIT:
	case FRAME_CLOSE:
		/* Local ids are 1..65535: the upper half is the slot, which a client does not choose. */
		return frame->stream >= 1 && frame->stream <= 0xffff ? FRAME_FORWARD : FRAME_BROKEN;
	case FRAME_STOP:
		return frame->stream == 0 && frame->length == 4 ? FRAME_CONTROL : FRAME_BROKEN;
	case FRAME_KILL:
		return frame->stream == 0 && frame->length == 0 ? FRAME_CONTROL : FRAME_BROKEN;
	default:
		return FRAME_BROKEN;
	}
}

static enum frame_verdict judge_greeted(const struct frame *frame)
{
	uint32_t slot = frame->stream >> 16;
	uint32_t local = frame->stream & 0xffff;

	switch (frame->type) {
	case FRAME_HELLO:
		return frame->stream == 0 ? FRAME_CONTROL : FRAME_BROKEN;
	case FRAME_SLOT_GONE:
		return slot != 0 && local == 0 && frame->length == 0 ? FRAME_CONTROL : FRAME_BROKEN;
	case FRAME_LINK_ACK:
		return frame->stream == 0 && frame->length == 4 ? FRAME_CONTROL : FRAME_BROKEN;
	case FRAME_RESPONSE:
	case FRAME_DATA:
	case FRAME_CREDIT:
	case FRAME_CLOSE:
		return slot != 0 && local != 0 ? FRAME_FORWARD : FRAME_BROKEN;
	case 0:
	case FRAME_REQUEST:
	case FRAME_SHUTDOWN:
		return FRAME_BROKEN;
	default:
		/* 32 and above are the supervisor's own; a guest that sends one wants to be taken for it. */
		return frame->type >= FRAME_WELCOME ? FRAME_BROKEN : FRAME_IGNORE;
	}
}

enum frame_verdict frame_from_agent(const struct frame *frame, int greeted)
{
	enum frame_verdict verdict = judge_greeted(frame);

	return greeted || verdict == FRAME_BROKEN || frame->type == FRAME_HELLO ? verdict : FRAME_IGNORE;
}
