#ifndef BOXLITE_LANDLOCK_H
#define BOXLITE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_LANDLOCK_BYTES = 1 << 20 };

/*
 * Restricts this process to the given paths. `rules` is a sequence of records: one letter, a path, NUL. r read, x read and execute,
 * w everything but execute. A path that is not there is skipped. On a kernel without Landlock: a report, and no restriction.
 * `no_tcp`: no TCP bind or connect (Landlock 4 and later; older ones report). Sets up; no_new_privs must be on already.
 */
void restrict_paths(const char *rules, size_t length, bool no_tcp);

#endif
