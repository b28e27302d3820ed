#include "panic.h"

#include <stdbool.h>
#include <string.h>

#define KERNEL_PANIC "Kernel panic - not syncing"
#define THREAD "thread '"
#define PANICKED " panicked at "

struct text kernel_panic(const uint8_t *console, size_t size)
{
	struct text line = {NULL, 0};
	size_t at = 0;

	while (at < size) {
		const uint8_t *found = memmem(console + at, size - at, KERNEL_PANIC, sizeof(KERNEL_PANIC) - 1);

		if (!found)
			break;
		const uint8_t *end = memchr(found, '\n', size - (size_t)(found - console));

		line.bytes = found;
		line.size = (end ? (size_t)(end - found) : size - (size_t)(found - console));
		at = (size_t)(found - console) + line.size;
	}
	while (line.size > 0 && line.bytes[line.size - 1] == '\r')
		line.size--;
	return line;
}

static size_t line_size(const uint8_t *line, size_t size)
{
	const uint8_t *end = memchr(line, '\n', size);

	return end ? (size_t)(end - line) : size;
}

static bool is_panic(const uint8_t *line, size_t size)
{
	return size > sizeof(THREAD) && memcmp(line, THREAD, sizeof(THREAD) - 1) == 0 &&
	       memmem(line, size, PANICKED, sizeof(PANICKED) - 1);
}

struct text vmm_panic(const uint8_t *errors, size_t size)
{
	size_t length;

	for (size_t at = 0; at < size; at += length + 1) {
		length = line_size(errors + at, size - at);
		if (!is_panic(errors + at, length))
			continue;
		/* Where the line says only the place, the next one says why. */
		if (errors[at + length - 1] == ':' && at + length + 1 < size)
			length += 1 + line_size(errors + at + length + 1, size - at - length - 1);
		return (struct text){errors + at, length};
	}
	return (struct text){NULL, 0};
}
