#include "inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frame.h"

/* One frame, rounded up to whole pages. */
#define INBOX_BYTES ((FRAME_MAX + 4095u) / 4096u * 4096u)
/* Whole pages, which arm64 may have of 64 KiB. */
#if defined(__aarch64__)
#define KEEP_BYTES 65536u
#else
#define KEEP_BYTES 8192u
#endif

bool inbox_open(struct inbox *inbox)
{
	void *base = mmap(NULL, INBOX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	memset(inbox, 0, sizeof(*inbox));
	if (base == MAP_FAILED)
		return false;
	inbox->base = base;
	return true;
}

void inbox_close(struct inbox *inbox)
{
	if (inbox->base)
		(void)munmap(inbox->base, INBOX_BYTES);
	memset(inbox, 0, sizeof(*inbox));
}

enum inbox_read inbox_fill(struct inbox *inbox, int fd)
{
	ssize_t got;

	if (inbox->start > 0 && (inbox->end == INBOX_BYTES || inbox->end - inbox->start < 512)) {
		memmove(inbox->base, inbox->base + inbox->start, inbox->end - inbox->start);
		inbox->end -= inbox->start;
		inbox->start = 0;
	}
	if (inbox->end == INBOX_BYTES)
		return INBOX_FULL;
	do {
		got = read(fd, inbox->base + inbox->end, INBOX_BYTES - inbox->end);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? INBOX_NOTHING : INBOX_END;
	if (got == 0)
		return INBOX_END;
	inbox->end += (size_t)got;
	if (inbox->end > inbox->touched)
		inbox->touched = inbox->end;
	return INBOX_GOT;
}

void inbox_consume(struct inbox *inbox, size_t size)
{
	inbox->start += size;
	if (inbox->start < inbox->end)
		return;
	inbox->start = 0;
	inbox->end = 0;
	if (inbox->touched > KEEP_BYTES) {
		(void)madvise(inbox->base + KEEP_BYTES, INBOX_BYTES - KEEP_BYTES, MADV_DONTNEED);
		inbox->touched = KEEP_BYTES;
	}
}
