/*
 * How much may be under way on the agent link in one direction, all streams together, and how it is acknowledged. A VMM that carries the link
 * may stall for ever on more than that (libkrun's vsock before 1.19, near 240 KiB). Frames count whole; HELLO and LINK_ACK do not
 * (packages/core/src/wire/frame.ts).
 */
#ifndef LINK_WINDOW_H
#define LINK_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_WINDOW_BYTES 131072u
/* Acknowledged this much at a time: what is left of the window meanwhile still takes the largest frame. */
#define LINK_ACK_BYTES 32768u

struct link_window {
	bool on;       /* false: the other side keeps none, and nothing is counted */
	size_t unacked;  /* sent and not acknowledged */
	size_t received; /* received and not acknowledged to the other side */
};

/* True when `size` more bytes may be sent. */
bool window_takes(const struct link_window *window, size_t size);
/* Also for frames that do not wait for the window, which then waits for them. */
void window_sent(struct link_window *window, size_t size);
/* False when more is acknowledged than was sent. */
bool window_acked(struct link_window *window, uint32_t size);
void window_received(struct link_window *window, size_t size);
/* How much is to be acknowledged now, 0 when that can wait. */
uint32_t window_due(const struct link_window *window);
/* That much has been acknowledged. */
void window_paid(struct link_window *window, uint32_t size);

#endif
