#ifndef BOXLITE_HAND_OVER_MOUNTS_H
#define BOXLITE_HAND_OVER_MOUNTS_H

#include <stddef.h>

enum { MAX_PATHS_BYTES = 1 << 20, MAX_HANDED_OVER = 512 };

/* From here on mounts of this process are its own; what the host mounts later still shows. */
void leave_mount_namespace(void);

/*
 * Mounts granted paths over themselves with the ids of `idmap` (a user namespace). `paths` is a sequence of records: `r` or `w`, a path, NUL, parents
 * first. A path that is not there is skipped, as is a file that everybody may read and that is only to be read.
 */
void hand_over(const char *paths, size_t length, int idmap);

#endif
