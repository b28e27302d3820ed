/*
 * How much may be under way on the link in one direction, all executions together, and how it is acknowledged: libkrun's vsock stalls for
 * ever near 240 KiB before 1.19. Mirrors packages/supervisor/native/src/link-window.h. Whole frames count, HELLO and LINK_ACK do not.
 */
#ifndef BOXLITE_LINK_WINDOW_H
#define BOXLITE_LINK_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define LINK_WINDOW_BYTES 131072u
/* Acknowledged this much at a time: what is left of the window meanwhile still takes the largest frame. */
#define LINK_ACK_BYTES 32768u

struct link_window {
    size_t unacked;  /* sent and not acknowledged */
    size_t received; /* received and not acknowledged to the host */
};

/* How many more bytes may be sent by whoever waits for the window. */
size_t window_room(const struct link_window *window);
/* Also for frames that do not wait. */
void window_sent(struct link_window *window, size_t size);
/* More than was sent counts as all of it. */
void window_acked(struct link_window *window, uint32_t size);
void window_received(struct link_window *window, size_t size);
/* How much is to be acknowledged now, 0 when that can wait. */
uint32_t window_due(const struct link_window *window);
/* That much has been acknowledged. */
void window_paid(struct link_window *window, uint32_t size);

#endif
