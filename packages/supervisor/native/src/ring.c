#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Kept when a ring runs empty, so that small frames do not fault a page in each time; whole pages, which arm64 may have of 64 KiB. */
#if defined(__aarch64__)
#define KEEP_BYTES 65536u
#else
#define KEEP_BYTES 16384u
#endif

bool ring_open(struct ring *ring, size_t capacity)
{
	void *base = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	memset(ring, 0, sizeof(*ring));
	if (base == MAP_FAILED)
		return false;
	ring->base = base;
	ring->capacity = capacity;
	return true;
}

void ring_close(struct ring *ring)
{
	/* munmap of a whole mapping made above cannot fail. */
	if (ring->base)
		(void)munmap(ring->base, ring->capacity);
	memset(ring, 0, sizeof(*ring));
}

size_t ring_room(const struct ring *ring)
{
	return ring->capacity - ring->used;
}

void ring_put(struct ring *ring, const uint8_t *bytes, size_t size)
{
	size_t at = (ring->head + ring->used) % ring->capacity;
	size_t first = ring->capacity - at < size ? ring->capacity - at : size;

	memcpy(ring->base + at, bytes, first);
	memcpy(ring->base, bytes + first, size - first);
	if (at + first > ring->touched)
		ring->touched = at + first;
	ring->used += size;
}

static void rewind_empty(struct ring *ring)
{
	ring->head = 0;
	if (ring->touched <= KEEP_BYTES)
		return;
	/* Giving memory back is a courtesy: a failure costs nothing but memory. */
	(void)madvise(ring->base + KEEP_BYTES, ring->capacity - KEEP_BYTES, MADV_DONTNEED);
	ring->touched = KEEP_BYTES;
}

bool ring_flush(struct ring *ring, int fd)
{
	while (ring->used > 0) {
		size_t first = ring->capacity - ring->head < ring->used ? ring->capacity - ring->head : ring->used;
		struct iovec parts[2] = {
			{.iov_base = ring->base + ring->head, .iov_len = first},
			{.iov_base = ring->base, .iov_len = ring->used - first},
		};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = parts[1].iov_len > 0 ? 2 : 1};
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN;
		}
		ring->head = (ring->head + (size_t)sent) % ring->capacity;
		ring->used -= (size_t)sent;
	}
	rewind_empty(ring);
	return true;
}
