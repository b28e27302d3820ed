#include "tail.h"

#include <string.h>

void tail_add(struct tail *tail, const uint8_t *bytes, size_t size)
{
	if (size > tail->capacity) {
		bytes += size - tail->capacity;
		size = tail->capacity;
	}
	size_t first = tail->capacity - tail->next < size ? tail->capacity - tail->next : size;

	memcpy(tail->base + tail->next, bytes, first);
	memcpy(tail->base, bytes + first, size - first);
	tail->next = (tail->next + size) % tail->capacity;
	tail->used = tail->used + size > tail->capacity ? tail->capacity : tail->used + size;
}

size_t tail_copy(const struct tail *tail, uint8_t *to)
{
	size_t start = (tail->next + tail->capacity - tail->used) % tail->capacity;
	size_t first = tail->capacity - start < tail->used ? tail->capacity - start : tail->used;

	memcpy(to, tail->base + start, first);
	memcpy(to + first, tail->base, tail->used - first);
	return tail->used;
}
