/* The last bytes of a stream, for the exit record. */
#ifndef TAIL_H
#define TAIL_H

#include <stddef.h>
#include <stdint.h>

struct tail {
	uint8_t *base;
	size_t capacity;
	size_t next;
	size_t used;
};

void tail_add(struct tail *tail, const uint8_t *bytes, size_t size);
/* Copies the kept bytes in order; `to` has room for the capacity. Returns how many. */
size_t tail_copy(const struct tail *tail, uint8_t *to);

#endif
