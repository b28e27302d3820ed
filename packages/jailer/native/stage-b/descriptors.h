#ifndef BOXLITE_DESCRIPTORS_H
#define BOXLITE_DESCRIPTORS_H

#include <stddef.h>

#include "arguments.h"

/*
 * Reads a descriptor to its end into a buffer and closes it. A memfd is read from its start, wherever its offset stands.
 * Ends the process with STEP_DATA when reading fails or there is more than the buffer holds.
 */
size_t read_all(int fd, void *buffer, size_t capacity, const char *what);

/* Closes everything from 3 on that is neither listed nor at or above keep_from. */
void close_strays(const struct arguments *arguments);

#endif
