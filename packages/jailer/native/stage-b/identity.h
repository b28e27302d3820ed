#ifndef BOXLITE_IDENTITY_H
#define BOXLITE_IDENTITY_H

#include <stddef.h>

enum { MAX_IDENTITY_BYTES = 1 << 20 };

/*
 * Compares what the view shows with what was meant. `records` is a sequence of `device:inode:path`, NUL. Mounts do not change any more: what is right
 * now stays so. Ends the process at the first path that is missing or another file.
 */
void check_identities(const char *records, size_t length);

#endif
