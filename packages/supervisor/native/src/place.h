/* A file by its open directory and its name there, so that a path longer than sun_path works and nobody can move it under us. */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct place {
	int dir;
	const char *name;
};

/* Opens the directory of an absolute path. The name points into `path`. False with errno. */
bool place_open(struct place *place, const char *path);
/*
 * Replaces the file by `size` bytes, mode 0600, staged beside it and renamed, so that nobody reads half of it. With `durable` it returns only
 * when bytes and name are on disk; what means nothing after a power cut, as a record of processes, needs no such wait. False with errno.
 */
bool place_write(const struct place *place, const char *bytes, size_t size, bool durable);
/* Removes the file. One that is gone already is fine. */
void place_remove(const struct place *place);
/* Opens a regular file with one link for appending, made 0600 when missing. Returns the descriptor or -1 with errno. */
int place_append(const struct place *place, off_t *size);

#endif
