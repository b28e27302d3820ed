/* Stage A: what happens in the child between fork and exec. Async-signal-safe, without heap: everything is prepared before the fork. */
#ifndef STAGE_A_H
#define STAGE_A_H

#include <sys/types.h>

#include "config.h"

/* stdin, stdout, stderr, two pipes of bubblewrap, the socket of a diagnosis run; data, listeners, files */
#define STAGE_A_MAX_FDS (6 + 3 * CONFIG_MAX_FDS)

/* Sources lie at CONFIG_FD_LIMIT and above, targets below, so that moving one never overwrites another. Sorted by target. */
struct fd_move {
	int source;
	int target;
};

enum stage_step {
	STAGE_READY, /* not a failure: the child waits for the go-ahead */
	STAGE_PROCESS_GROUP,
	STAGE_PARENT_DEATH,
	STAGE_CGROUP,
	STAGE_DESCRIPTORS,
	STAGE_RLIMITS,
	STAGE_SIGNALS,
	STAGE_HOLD,
	STAGE_EXEC,
};

/* What the child writes to its report pipe; its end without a report means that exec succeeded. */
struct stage_report {
	int step;
	int error;
};

struct stage_plan {
	struct fd_move moves[STAGE_A_MAX_FDS];
	size_t move_count;
	pid_t supervisor;
	int report;       /* write end, close-on-exec */
	int go;           /* read end, close-on-exec; -1 when the wrapper does the holding */
	int cgroup_procs; /* -1 without a cgroup */
};

const char *stage_step_name(int step);
_Noreturn void stage_a_run(const struct stage_plan *plan, const struct config *config);

#endif
