/* The supervised process: started held, released once its record is on disk. */
#ifndef VMM_H
#define VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"

struct vmm {
	pid_t direct;        /* our child: the VMM or the wrapper around it */
	pid_t pid;           /* the VMM as this host sees it */
	uint64_t start_time; /* of `pid` */
	int pidfd;           /* of `pid`; it may be a grandchild, whose number another process could get */
	int console;         /* read end of its stdout */
	int errors;          /* read end of its stderr */
	int hold;            /* a byte written here lets it run */
	int report;          /* stage A's report pipe */
	int info;            /* bubblewrap's --info-fd */
	int syscall_report;  /* our end of the socket pair of a diagnosis run, -1 without one */
	int cgroup_kill;     /* cgroup.kill, -1 where there is none */
};

/* What the launcher is told when a start fails. */
struct start_failure {
	const char *step;
	int error;
	const char *message;
	const char *detail;
};

/* Descriptors that can end a wait during the start. */
struct start_watch {
	int signals;  /* signalfd */
	int watchdog; /* -1 when detached */
};

/* Forks the child through stage A. `listeners[i]` is the socket for `config->listeners[i]`. */
bool vmm_spawn(struct vmm *vmm, const struct config *config, const int *listeners, struct start_failure *failure);
/* Waits until the child is held at its last step and its identity is known. */
bool vmm_await_held(struct vmm *vmm, const struct config *config, const struct start_watch *watch, struct start_failure *failure);
/* Lets it run; waits for the exec of the direct child. */
bool vmm_release(struct vmm *vmm, const struct config *config, const struct start_watch *watch, struct start_failure *failure);
/* SIGKILL for everything that belongs to it. Only valid while `direct` has not been reaped. */
void vmm_kill(const struct vmm *vmm);

#endif
