/*
 * Frames on their way to the host, bounded. DATA may fill it up to OUTBOX_RESERVE from the end; the rest belongs to responses, so that
 * output can never keep an answer out.
 */
#ifndef BOXLITE_OUTBOX_H
#define BOXLITE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define OUTBOX_BYTES (384u * 1024u)
#define OUTBOX_RESERVE (128u * 1024u)

/*
 * Bytes of payload a DATA frame may carry now, at most MAX_FRAME_PAYLOAD: what the outbox and the link's window take. Other frames do not wait
 * for the window: they are short, and an answer may be what the host waits for.
 */
size_t outbox_data_room(void);

/* True while requests may be read: each is answered with less than what is left then. */
bool outbox_takes_requests(void);

/* Where the next frame's payload goes; at least `room` bytes. NULL when there is no room: a bug, since callers ask before. */
uint8_t *outbox_payload(size_t room);

/* Appends the frame whose payload was put at outbox_payload(). */
void outbox_commit(struct frame frame);

/* Appends a frame without payload. */
void outbox_signal(uint8_t type, uint32_t stream, uint8_t channel, uint16_t flags);

/* Grants the host `bytes` more of a channel. */
void outbox_credit(uint32_t stream, uint8_t channel, uint32_t bytes);

/* Writes what the link takes, at most `most` bytes a call. False when the link is gone. */
bool outbox_flush(int link, size_t most);

bool outbox_is_empty(void);

/*
 * When what is in it should be written: 0 for an empty one, else a time, now or a little later. An end of a channel alone waits for
 * OUTBOX_LINGER_US, because the exit it belongs to is nearly always next, and each write wakes the host.
 */
uint64_t outbox_due(uint64_t now);
#define OUTBOX_LINGER_US 2000u

/* A whole frame of the host has been dealt with: acknowledged, when it is time. */
void outbox_received(size_t size);

/* The host has received that much of what was sent. */
void outbox_acked(uint32_t size);

/* Forgets everything: the reader it was for is gone. */
void outbox_forget(void);

#endif
