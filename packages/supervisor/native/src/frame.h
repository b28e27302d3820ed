/* The frame of the agent link and of api.sock (packages/core/src/wire/frame.ts): 12 bytes of header, little endian, then the payload. */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 12u
#define FRAME_MAX_PAYLOAD 65536u
#define FRAME_MAX (FRAME_HEADER + FRAME_MAX_PAYLOAD)

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
	FRAME_WELCOME = 32,
	FRAME_STOP = 33,
	FRAME_KILL = 34,
	FRAME_EXITED = 35,
};

/* On HELLO: the agent bounds what is under way on the link, and expects the same (link-window.h). */
#define FRAME_FLAG_WINDOWED 4u

struct frame {
	uint32_t length;
	uint32_t stream;
	uint8_t type;
	uint8_t channel;
	uint16_t flags;
	const uint8_t *payload;
};

/* What a whole frame means to the supervisor. */
enum frame_verdict {
	FRAME_FORWARD, /* route it by its stream id */
	FRAME_CONTROL, /* for the supervisor itself */
	FRAME_IGNORE,  /* of a later protocol generation: dropped */
	FRAME_BROKEN,  /* the sender does not keep to the protocol */
};

/* Returns the bytes of the first frame in `bytes`, 0 when it is not complete yet, -1 when its announced length is over the bound. */
long frame_parse(const uint8_t *bytes, size_t size, struct frame *frame);

/* Writes the header for `frame` with another stream id. */
void frame_header(uint8_t header[FRAME_HEADER], const struct frame *frame, uint32_t stream);

/* Judges a frame a host process sent. */
enum frame_verdict frame_from_client(const struct frame *frame);

/*
 * Judges a frame the guest agent sent; `greeted` is false until its HELLO came. What comes before is for nobody: a guest that goes on from a capture may
 * have had it ready for another link.
 */
enum frame_verdict frame_from_agent(const struct frame *frame, int greeted);

uint32_t read_u32(const uint8_t *bytes);
void write_u32(uint8_t *bytes, uint32_t value);

#endif
