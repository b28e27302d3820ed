/* Unix sockets whose real path may exceed sun_path: bound and dialled through the open directory. */
#ifndef UNIX_SOCKET_H
#define UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "place.h"

/*
 * Listens at the place, mode 0600, non-blocking, close-on-exec. A socket nobody answers on is replaced; a living one is EADDRINUSE; anything
 * that is no socket is ENOTSOCK. Returns the descriptor, or -1 with errno.
 */
int unix_listen(const struct place *place, int backlog);

/* Accepts one connection, non-blocking, with its peer's process and user. Returns the descriptor, or -1 with errno. */
int unix_accept(int listener, pid_t *pid, uid_t *uid);

#endif
