#include "vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fd-plan.h"
#include "pid-report.h"
#include "process-info.h"
#include "stage-a.h"

/* A start that takes longer is stuck: bubblewrap builds its view in milliseconds. */
#define START_TIMEOUT_MS 20000

static bool fail(struct start_failure *failure, const char *step, int error, const char *message)
{
	*failure = (struct start_failure){.step = step, .error = error, .message = message};
	return false;
}

static int open_in_cgroup(const struct config *config, const char *file)
{
	char path[CONFIG_MAX_PATH + 32];

	if (snprintf(path, sizeof(path), "%s/%s", config->cgroup_dir, file) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool plan_files(struct stage_plan *plan, const struct config *config, struct start_failure *failure)
{
	for (size_t index = 0; index < config->file_count; index++) {
		const struct fd_path *file = &config->files[index];
		const char *problem = plan_file(plan, file->path, file->fd);

		if (!problem)
			continue;
		(void)fail(failure, "file", errno, problem);
		failure->detail = file->path;
		return false;
	}
	return true;
}

static bool plan_descriptors(struct vmm *vmm, struct stage_plan *plan, const struct config *config, const int *listeners)
{
	int ends[2];

	if (config->has_input ? !plan_bytes(plan, &config->input, 0) : !plan_move(plan, open("/dev/null", O_RDONLY | O_CLOEXEC), 0))
		return false;
	if ((vmm->console = plan_output(plan, 1)) < 0 || (vmm->errors = plan_output(plan, 2)) < 0)
		return false;
	for (size_t index = 0; index < config->data_count; index++)
		if (!plan_bytes(plan, &config->data[index].content, config->data[index].fd))
			return false;
	for (size_t index = 0; index < config->listener_count; index++)
		/* A VMM expects to block on a socket it is given, unless it says otherwise itself. */
		if (fcntl(listeners[index], F_SETFL, 0) < 0 ||
		    !plan_move(plan, fcntl(listeners[index], F_DUPFD_CLOEXEC, 0), config->listeners[index].fd))
			return false;
	if (config->syscall_report_fd) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			return false;
		vmm->syscall_report = ends[0];
		if (!plan_move(plan, ends[1], config->syscall_report_fd))
			return false;
	}
	if (config->bubblewrap) {
		vmm->info = plan_output(plan, config->info_fd);
		vmm->hold = plan_input(plan, config->block_fd);
		if (vmm->info < 0 || vmm->hold < 0)
			return false;
	} else {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return false;
		vmm->hold = ends[1];
		if ((plan->go = plan_raise(ends[0])) < 0)
			return false;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	vmm->report = ends[0];
	return (plan->report = plan_raise(ends[1])) >= 0;
}

bool vmm_spawn(struct vmm *vmm, const struct config *config, const int *listeners, struct start_failure *failure)
{
	static struct stage_plan plan;

	*vmm = (struct vmm){.direct = -1, .pid = -1, .pidfd = -1, .console = -1, .errors = -1, .hold = -1, .report = -1, .info = -1,
			    .syscall_report = -1, .cgroup_kill = -1};
	plan = (struct stage_plan){.supervisor = getpid(), .report = -1, .go = -1, .cgroup_procs = -1};
	if (config->cgroup_dir) {
		plan.cgroup_procs = plan_raise(open_in_cgroup(config, "cgroup.procs"));
		if (plan.cgroup_procs < 0)
			return fail(failure, "cgroup", errno, "cannot open cgroup.procs of the box's cgroup");
		/* Kernels before 5.14 have no such file: the process group and the pid namespace have to do. */
		vmm->cgroup_kill = open_in_cgroup(config, "cgroup.kill");
	}
	if (!plan_files(&plan, config, failure))
		return false;
	if (!plan_descriptors(vmm, &plan, config, listeners))
		return fail(failure, "descriptors", errno, "cannot prepare the descriptors of the VMM");
	plan_finish(&plan);
	vmm->direct = fork();
	if (vmm->direct == 0)
		stage_a_run(&plan, config);
	int saved = errno;

	plan_close(&plan);
	(void)close(plan.report);
	if (plan.go >= 0)
		(void)close(plan.go);
	if (plan.cgroup_procs >= 0)
		(void)close(plan.cgroup_procs);
	return vmm->direct > 0 ? true : fail(failure, "fork", saved, "cannot fork");
}

static int64_t now_ms(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 : 0;
}

/* True when a signal asks for the end; a child's end shows on its pipes. */
static bool asked_to_stop(int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return true;
	return false;
}

static bool await_readable(int fd, int64_t deadline, const struct start_watch *watch, struct start_failure *failure)
{
	for (;;) {
		struct pollfd wanted[3] = {
			{.fd = fd, .events = POLLIN},
			{.fd = watch->signals, .events = POLLIN},
			{.fd = watch->watchdog, .events = POLLIN},
		};
		int64_t left = deadline - now_ms();
		int ready = left > 0 ? poll(wanted, 3, (int)left) : 0;

		if (ready < 0 && errno != EINTR)
			return fail(failure, "start", errno, "cannot wait for the VMM");
		if (ready == 0)
			return fail(failure, "timeout", ETIMEDOUT, "the sandbox did not come up in time");
		if (ready > 0 && wanted[1].revents && asked_to_stop(watch->signals))
			return fail(failure, "aborted", 0, "asked to stop during the start");
		if (ready > 0 && wanted[2].revents)
			return fail(failure, "aborted", 0, "the launching process went away during the start");
		if (ready > 0 && wanted[0].revents)
			return true;
	}
}

/* Reads one report of stage A: 1 for a report, 0 for the end of the pipe, -1 for a failure already described. */
static int read_report(struct vmm *vmm, int64_t deadline, const struct start_watch *watch, struct stage_report *report,
		       struct start_failure *failure)
{
	ssize_t got;

	if (!await_readable(vmm->report, deadline, watch, failure))
		return -1;
	got = read(vmm->report, report, sizeof(*report));
	if (got == 0)
		return 0;
	if (got != (ssize_t)sizeof(*report)) {
		(void)fail(failure, "start", got < 0 ? errno : EIO, "stage A did not report");
		return -1;
	}
	return 1;
}

static bool stage_failed(const struct config *config, const struct stage_report *report, struct start_failure *failure)
{
	(void)fail(failure, stage_step_name(report->step), report->error,
		   report->step == STAGE_EXEC ? "cannot execute" : "stage A failed");
	failure->detail = report->step == STAGE_EXEC ? config->binary : stage_step_name(report->step);
	return false;
}

/* Bubblewrap writes its object in several pieces and dies of SIGPIPE when nobody reads the last: read to its closing brace. */
static bool read_bubblewrap_pid(struct vmm *vmm, int64_t deadline, const struct start_watch *watch, struct start_failure *failure)
{
	char text[PID_REPORT_MAX];
	size_t length = 0;
	struct process_info info;

	for (;;) {
		if (!await_readable(vmm->info, deadline, watch, failure))
			return false;
		ssize_t got = read(vmm->info, text + length, sizeof(text) - length);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got < 0)
			return fail(failure, "sandbox", errno, "cannot read what bubblewrap reports");
		length += (size_t)got;
		if (got == 0 || length == sizeof(text) || memchr(text, '}', length))
			break;
	}
	if (!pid_report_parse(text, length, &vmm->pid))
		return fail(failure, "sandbox", 0, "bubblewrap ended before it had set up the sandbox");
	if (!process_info(vmm->pid, &info) || info.parent != vmm->direct)
		return fail(failure, "sandbox", ESRCH, "the process bubblewrap reports is not its child");
	return true;
}

static bool identify(struct vmm *vmm, struct start_failure *failure)
{
	struct process_info info;

	vmm->pidfd = (int)syscall(SYS_pidfd_open, vmm->pid, 0);
	if (vmm->pidfd < 0)
		return fail(failure, "identity", errno, "cannot hold the VMM by a pidfd");
	if (!process_info(vmm->pid, &info))
		return fail(failure, "identity", errno, "cannot read the VMM's start time");
	vmm->start_time = info.start_time;
	return true;
}

bool vmm_await_held(struct vmm *vmm, const struct config *config, const struct start_watch *watch, struct start_failure *failure)
{
	int64_t deadline = now_ms() + START_TIMEOUT_MS;
	struct stage_report report;
	int got = read_report(vmm, deadline, watch, &report, failure);

	if (got < 0)
		return false;
	if (got > 0 && report.step != STAGE_READY)
		return stage_failed(config, &report, failure);
	if (config->bubblewrap)
		return read_bubblewrap_pid(vmm, deadline, watch, failure) && identify(vmm, failure);
	if (got == 0)
		return fail(failure, "start", ECHILD, "the child ended before it could be released");
	vmm->pid = vmm->direct;
	return identify(vmm, failure);
}

bool vmm_release(struct vmm *vmm, const struct config *config, const struct start_watch *watch, struct start_failure *failure)
{
	struct stage_report report;
	int got = 0;

	if (write(vmm->hold, "g", 1) != 1)
		return fail(failure, "release", errno, "the held VMM is gone");
	if (!config->bubblewrap)
		got = read_report(vmm, now_ms() + START_TIMEOUT_MS, watch, &report, failure);
	if (got > 0)
		return stage_failed(config, &report, failure);
	(void)close(vmm->hold);
	(void)close(vmm->report);
	if (vmm->info >= 0)
		(void)close(vmm->info);
	return got == 0;
}

void vmm_kill(const struct vmm *vmm)
{
	/* Each of the three may find nothing left to kill, which is what it is for. */
	if (vmm->cgroup_kill >= 0)
		(void)(write(vmm->cgroup_kill, "1", 1) == 1);
	if (vmm->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, vmm->pidfd, SIGKILL, NULL, 0);
	if (vmm->direct > 0) {
		(void)kill(-vmm->direct, SIGKILL);
		(void)kill(vmm->direct, SIGKILL);
	}
}
