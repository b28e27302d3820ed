/*
 * The diagnosis run of a VMM's system call policy: the filter stops what it refuses and tells its listener, which the VMM's last stage hands over.
 * The first call told of is recorded and the box killed: it is never let through, and nothing is decided by what it looks like (seccomp_unotify(2)
 * says why that could not be trusted).
 */
#ifndef SECCOMP_NOTIFY_H
#define SECCOMP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct refused_call {
	int number;
	uint32_t architecture; /* AUDIT_ARCH_* */
	uint64_t args[6];
	char name[32]; /* empty: not known */
};

/*
 * Waits in the event loop for the listener on our end of a socket pair. `names` are lines `number name`, each after a newline; they must stay. Before this process confines itself. False with errno.
 */
bool seccomp_notify_open(int socket, const struct bytes *names);
/* The call that was refused, NULL while there is none. */
const struct refused_call *seccomp_notify_call(void);

#endif
