#ifndef BOXLITE_RESTRICT_H
#define BOXLITE_RESTRICT_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_RULES_BYTES = 1 << 20 };

struct restriction {
  unsigned at_most; /* version of Landlock */
  bool no_tcp, audit;
};

/* Landlock's version of this kernel, or -errno: ENOSYS it has none, EOPNOTSUPP it was disabled at boot. */
long landlock_version(void);

/*
 * Restricts this process to the given paths, and to itself: no signals to and no abstract sockets of others. `rules` is a sequence of records: a
 * letter, then possibly "device:inode:" (decimal; the file it must be, links not followed), then an absolute path, then NUL. The letters:
 * r read, x read and execute, w everything but execute and what concerns devices, d everything of a device but execute.
 * A path that is not there is skipped, unless it has an identity. Ends the process where the kernel has no Landlock. no_new_privs must be on already.
 */
void restrict_self(const char *rules, size_t length, struct restriction restriction);

#endif
