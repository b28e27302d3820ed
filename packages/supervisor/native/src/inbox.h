/* Bytes read from a socket until they make whole frames: room for exactly one frame of the largest size. */
#ifndef INBOX_H
#define INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inbox {
	uint8_t *base;
	size_t start;
	size_t end;
	size_t touched;
};

enum inbox_read { INBOX_GOT, INBOX_NOTHING, INBOX_FULL, INBOX_END };

bool inbox_open(struct inbox *inbox);
void inbox_close(struct inbox *inbox);
/* Reads once. INBOX_END also stands for a broken connection. */
enum inbox_read inbox_fill(struct inbox *inbox, int fd);
/* The first `size` bytes have been dealt with. */
void inbox_consume(struct inbox *inbox, size_t size);

#endif
