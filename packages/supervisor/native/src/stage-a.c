#include "stage-a.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *stage_step_name(int step)
{
	static const char *const names[] = {
		[STAGE_READY] = "ready",
		[STAGE_PROCESS_GROUP] = "process-group",
		[STAGE_PARENT_DEATH] = "parent-death",
		[STAGE_CGROUP] = "cgroup",
		[STAGE_DESCRIPTORS] = "descriptors",
		[STAGE_RLIMITS] = "rlimits",
		[STAGE_SIGNALS] = "signals",
		[STAGE_HOLD] = "hold",
		[STAGE_EXEC] = "exec",
	};

	return step >= 0 && (size_t)step < sizeof(names) / sizeof(names[0]) ? names[step] : "unknown";
}

static _Noreturn void give_up(const struct stage_plan *plan, int step, int error)
{
	struct stage_report report = {.step = step, .error = error};

	/* Shorter than PIPE_BUF: written whole or not at all; the exit status tells when it is not at all. */
	_exit(write(plan->report, &report, sizeof(report)) == (ssize_t)sizeof(report) ? 126 : 125);
}

static void close_between(const struct stage_plan *plan, unsigned first, unsigned last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
		give_up(plan, STAGE_DESCRIPTORS, errno);
}

/* Puts every promised descriptor in its place and closes all others but the two that end with exec. */
static void arrange_descriptors(const struct stage_plan *plan)
{
	unsigned next = 0;
	int low = plan->report;
	int high = plan->go;

	for (size_t index = 0; index < plan->move_count; index++) {
		if (dup2(plan->moves[index].source, plan->moves[index].target) < 0)
			give_up(plan, STAGE_DESCRIPTORS, errno);
	}
	for (size_t index = 0; index < plan->move_count; index++) {
		unsigned target = (unsigned)plan->moves[index].target;

		if (target > next)
			close_between(plan, next, target - 1);
		next = target + 1;
	}
	if (low > high) {
		low = plan->go;
		high = plan->report;
	}
	if (low >= 0) {
		close_between(plan, next, (unsigned)low - 1);
		next = (unsigned)low + 1;
	}
	close_between(plan, next, (unsigned)high - 1);
	close_between(plan, (unsigned)high + 1, ~0u);
}

/* Lowers a limit; asking for more than this user may have gives the most there is. */
static void lower_limit(const struct stage_plan *plan, int resource, uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		give_up(plan, STAGE_RLIMITS, errno);
	if (limit.rlim_max == RLIM_INFINITY || wanted < limit.rlim_max)
		limit.rlim_max = (rlim_t)wanted;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) < 0)
		give_up(plan, STAGE_RLIMITS, errno);
}

static void set_limits(const struct stage_plan *plan, const struct config *config)
{
	static const int resources[LIMIT_KINDS] = {
		[LIMIT_OPEN_FILES] = RLIMIT_NOFILE,
		[LIMIT_FILE_SIZE] = RLIMIT_FSIZE,
		[LIMIT_MEMORY] = RLIMIT_AS,
		[LIMIT_CPU_SECONDS] = RLIMIT_CPU,
	};

	/* A core file would hold the guest's memory. */
	lower_limit(plan, RLIMIT_CORE, 0);
	for (int kind = 0; kind < LIMIT_KINDS; kind++)
		if (config->limited[kind])
			lower_limit(plan, resources[kind], config->limit[kind]);
}

/* Ignored signals and the mask survive exec; a VMM must start with neither. */
static void reset_signals(const struct stage_plan *plan)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < _NSIG; number++)
		if (sigaction(number, &action, NULL) < 0 && errno != EINVAL)
			give_up(plan, STAGE_SIGNALS, errno);
	if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		give_up(plan, STAGE_SIGNALS, errno);
}

static void wait_for_go(const struct stage_plan *plan)
{
	struct stage_report ready = {.step = STAGE_READY};
	ssize_t got;
	char byte;

	if (write(plan->report, &ready, sizeof(ready)) != (ssize_t)sizeof(ready))
		give_up(plan, STAGE_HOLD, errno);
	do {
		got = read(plan->go, &byte, 1);
	} while (got < 0 && errno == EINTR);
	/* The pipe's end instead of a byte: the supervisor is gone or gave up, and nobody waits for a report. */
	if (got != 1)
		_exit(125);
}

_Noreturn void stage_a_run(const struct stage_plan *plan, const struct config *config)
{
	if (setpgid(0, 0) < 0)
		give_up(plan, STAGE_PROCESS_GROUP, errno);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		give_up(plan, STAGE_PARENT_DEATH, errno);
	/* It may have died before the line above. */
	if (getppid() != plan->supervisor)
		_exit(125);
	if (plan->cgroup_procs >= 0 && write(plan->cgroup_procs, "0", 1) != 1)
		give_up(plan, STAGE_CGROUP, errno);
	arrange_descriptors(plan);
	set_limits(plan, config);
	reset_signals(plan);
	if (plan->go >= 0)
		wait_for_go(plan);
	(void)execve(config->binary, config->args, config->env);
	give_up(plan, STAGE_EXEC, errno);
}
