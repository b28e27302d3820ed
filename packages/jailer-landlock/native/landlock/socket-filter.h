#ifndef BOXLITE_SOCKET_FILTER_H
#define BOXLITE_SOCKET_FILTER_H

/*
 * Refuses every new socket but unix ones (EACCES) to this process and what it becomes: what Landlock cannot say of UDP, raw, netlink and vsock.
 * io_uring, whose sockets pass no filter, does not exist for it (ENOSYS); calls of another architecture kill. no_new_privs must be on already.
 */
void allow_unix_sockets_only(void);

#endif
