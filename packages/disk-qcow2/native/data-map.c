/*
 * Says which parts of a file hold data: Node.js has no lseek, and a base of 10 GiB with 400 MiB in it is read in a twentieth of the time by
 * whoever knows its holes.
 *
 * The file is standard input. Standard output gets a record for each part, in ascending order: its first byte and the byte after its last, as
 * 64-bit little-endian numbers. Exits with 0, or with 1 and a line on standard error, in which case nothing of the output may be used.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 4 MiB of output. A file in more parts is sparse in name only: the last record goes to its end. */
#define MAX_PARTS 262144
#define BUFFERED_RECORDS 4096
#define RECORD_BYTES 16

static unsigned char buffer[BUFFERED_RECORDS * RECORD_BYTES];
static size_t buffered;

static int fail(const char *what) {
	fprintf(stderr, "boxlite-data-map: %s: %s\n", what, strerror(errno));
	return 1;
}

static int write_buffered(void) {
	size_t written = 0;
	while (written < buffered) {
		ssize_t result = write(STDOUT_FILENO, buffer + written, buffered - written);
		if (result < 0 && errno == EINTR) continue;
		if (result < 0) return -1;
		written += (size_t)result;
	}
	buffered = 0;
	return 0;
}

static void put_number(uint64_t number) {
	for (int byte = 0; byte < 8; byte++) buffer[buffered++] = (unsigned char)(number >> (8 * byte));
}

static int put_part(off_t start, off_t end) {
	put_number((uint64_t)start);
	put_number((uint64_t)end);
	return buffered == sizeof buffer ? write_buffered() : 0;
}

int main(void) {
	struct stat status;
	if (fstat(STDIN_FILENO, &status) != 0) return fail("fstat");
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return fail("standard input is not a regular file");
	}
	const off_t size = status.st_size;
	uint32_t parts = 0;
	for (off_t at = 0; at < size;) {
		const off_t start = lseek(STDIN_FILENO, at, SEEK_DATA);
		if (start < 0 && errno == ENXIO) break; /* a hole up to the end */
		if (start < 0) return fail("SEEK_DATA");
		off_t end = lseek(STDIN_FILENO, start, SEEK_HOLE);
		if (end < 0) return fail("SEEK_HOLE");
		if (end <= start) {
			errno = EIO; /* the file changes */
			return fail("SEEK_HOLE");
		}
		if (++parts == MAX_PARTS) end = size;
		if (put_part(start, end) != 0) return fail("write");
		at = end;
	}
	return write_buffered() == 0 ? 0 : fail("write");
}
