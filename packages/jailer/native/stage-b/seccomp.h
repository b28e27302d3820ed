#ifndef BOXLITE_SECCOMP_H
#define BOXLITE_SECCOMP_H

#include <stddef.h>

enum { MAX_SECCOMP_INSTRUCTIONS = 4096, MAX_SECCOMP_BYTES = MAX_SECCOMP_INSTRUCTIONS * 8 };

/*
 * Installs a program of struct sock_filter for this process and what it becomes. no_new_privs must be on already. `notify_fd`, unless -1: a unix
 * socket on which the filter's listener (seccomp_unotify(2)) is sent as SCM_RIGHTS with one byte; neither it nor the listener survives exec. The program
 * must allow sendmsg to it.
 */
void install_filter(void *program, size_t bytes, int notify_fd);

#endif
