/* A byte ring of fixed capacity. Its memory is reserved, not used: pages are taken as bytes arrive and given back when it runs empty. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *base;
	size_t capacity;
	size_t head;
	size_t used;
	size_t touched; /* bytes from base that may have pages behind them */
};

bool ring_open(struct ring *ring, size_t capacity);
void ring_close(struct ring *ring);
size_t ring_room(const struct ring *ring);
/* The caller has checked ring_room. */
void ring_put(struct ring *ring, const uint8_t *bytes, size_t size);
/* Writes as much as the descriptor takes. False when it is broken (errno says why). */
bool ring_flush(struct ring *ring, int fd);

#endif
