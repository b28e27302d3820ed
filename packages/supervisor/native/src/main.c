/*
 * boxlite-supervisor: the parent of one VMM, outside its jail. The launcher writes the config to descriptor 0 and reads one line of status from
 * 1; the other end of 3 lives as long as the launcher does; 4 is the launcher's connection, served like one on api.sock. Nothing is taken
 * from the command line or the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-link.h"
#include "box.h"
#include "clients.h"
#include "confine.h"
#include "finish.h"
#include "lifecycle.h"
#include "loop.h"
#include "output.h"
#include "process-info.h"
#include "seccomp-notify.h"
#include "status.h"

#define WATCHDOG_FD 3
#define LAUNCHER_FD 4
/* Targets of the VMM's descriptors end at 255; their sources and the clients' sockets come on top. */
#define NEEDED_FILES 512

static struct box box;
static uint8_t config_bytes[CONFIG_MAX_BYTES];
static char record_text[128];
static char welcome_text[256];

static _Noreturn void give_up(const struct start_failure *failure)
{
	box_abandon(&box);
	status_failed(failure->step, failure->error, failure->message, failure->detail, output_stderr_tail());
	_exit(1);
}

static _Noreturn void give_up_at(const char *step, int error, const char *message, const char *detail)
{
	const struct start_failure failure = {.step = step, .error = error, .message = message, .detail = detail};

	give_up(&failure);
}

static void read_config(void)
{
	const char *problem, *key;
	size_t size = 0;
	ssize_t got;

	do {
		got = read(STDIN_FILENO, config_bytes + size, sizeof(config_bytes) - size);
		size += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		give_up_at("config", errno, "cannot read the config", NULL);
	problem = size == sizeof(config_bytes) ? "too long" : config_decode(&box.config, config_bytes, size, &key);
	if (problem)
		give_up_at("config", 0, problem, size == sizeof(config_bytes) ? NULL : key);
}

static void settle_in(void)
{
	struct rlimit files, cores = {.rlim_cur = 0, .rlim_max = 0};
	int null;

	/* EPERM: the launcher made us a session leader already. */
	if (setsid() < 0 && errno != EPERM)
		give_up_at("session", errno, "setsid failed", NULL);
	if (chdir("/") < 0)
		give_up_at("session", errno, "cannot change to /", NULL);
	(void)umask(077);
	/* A detached box has no watchdog; whatever is on its number, or nothing, is not ours. */
	if (box.config.detached)
		(void)close(WATCHDOG_FD);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || close(null) < 0)
		give_up_at("session", errno, "cannot open /dev/null", NULL);
	if (syscall(SYS_close_range, LAUNCHER_FD + 1, ~0u, 0) < 0)
		give_up_at("session", errno, "close_range failed", NULL);
	if (fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(LAUNCHER_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    (!box.config.detached && fcntl(WATCHDOG_FD, F_SETFD, FD_CLOEXEC) < 0))
		give_up_at("session", errno, "a descriptor of the launcher is missing", NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max < NEEDED_FILES)
		give_up_at("session", EMFILE, "the limit on open files is below 512", NULL);
	if (files.rlim_cur < NEEDED_FILES)
		files.rlim_cur = NEEDED_FILES;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_CORE, &cores) < 0)
		give_up_at("session", errno, "cannot set limits", NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		give_up_at("session", errno, "cannot become a subreaper", NULL);
	/* A VMM that got out of its namespaces is the same user still, where an ordinary one started it: it may neither trace nor look into its parent. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		give_up_at("session", errno, "cannot become undumpable", NULL);
}

static int take_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU};
	static const int taken[] = {SIGCHLD, SIGTERM, SIGQUIT};
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t set;
	int fd;

	if (sigemptyset(&set) < 0)
		return -1;
	for (size_t index = 0; index < sizeof(ignored) / sizeof(ignored[0]); index++)
		if (sigaction(ignored[index], &action, NULL) < 0)
			return -1;
	action.sa_handler = SIG_DFL;
	for (size_t index = 0; index < sizeof(taken) / sizeof(taken[0]); index++)
		if (sigaction(taken[index], &action, NULL) < 0 || sigaddset(&set, taken[index]) < 0)
			return -1;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 && sigprocmask(SIG_SETMASK, &set, NULL) == 0 ? fd : -1;
}

static void write_record(const struct process_info *own)
{
	int size = snprintf(record_text, sizeof(record_text), "supervisor %ld %llu\nvmm %ld %llu\n", (long)getpid(),
			    (unsigned long long)own->start_time, (long)box.vmm.pid, (unsigned long long)box.vmm.start_time);

	box.recorded = true;
	/* After a power failure the processes are gone too: a record whose name was lost with them misses nobody. */
	if (size < 0 || (size_t)size >= sizeof(record_text) || !place_write(&box.record, record_text, (size_t)size, false))
		give_up_at("record", errno, "cannot write", box.config.pid_file);
	size = snprintf(welcome_text, sizeof(welcome_text),
			"{\"supervisor\":{\"pid\":%ld,\"startTime\":%llu},\"vmm\":{\"pid\":%ld,\"startTime\":%llu},\"detached\":%s}",
			(long)getpid(), (unsigned long long)own->start_time, (long)box.vmm.pid,
			(unsigned long long)box.vmm.start_time, box.config.detached ? "true" : "false");
	if (size < 0 || (size_t)size >= sizeof(welcome_text))
		give_up_at("record", EOVERFLOW, "the welcome does not fit", NULL);
}

static void confine(void)
{
	struct confine_dir dirs[5 + CONFIG_MAX_FDS] = {
		{output_console_dir(), true}, {box.exit.dir, true}, {box.record.dir, true}, {box.api.dir, false}, {box.agent.dir, false},
	};
	size_t count = 5;

	for (size_t index = 0; index < box.config.listener_count; index++)
		dirs[count++].fd = box.listener_places[index].dir;
	if (!confine_self(dirs, count, box.config.syscall_report_fd != 0))
		give_up_at("confine", errno, "the supervisor cannot confine itself", NULL);
}

static void open_loop(int signals, int watchdog)
{
	if (!loop_open() || !lifecycle_open(&box.vmm, signals, watchdog) || !output_follow(&box.vmm) ||
	    !agent_listen(box.agent_fd, &box.agent, box.vmm.pid) || !clients_serve(box.api_fd, welcome_text))
		give_up_at("loop", errno, "cannot set up the event loop", NULL);
	if (!seccomp_notify_open(box.vmm.syscall_report, &box.config.syscall_names))
		give_up_at("loop", errno, "cannot wait for refused system calls", NULL);
	if (fcntl(LAUNCHER_FD, F_SETFL, O_NONBLOCK) == 0)
		clients_adopt(LAUNCHER_FD);
}

static void serve(void)
{
	while (!lifecycle_over()) {
		if (!loop_turn()) {
			lifecycle_kill();
			continue;
		}
		agent_flush();
		clients_resume();
		agent_flush();
		clients_flush();
	}
}

int main(void)
{
	struct start_failure failure;
	struct process_info own;
	struct start_watch watch;
	const char *step;

	box_init(&box);
	read_config();
	settle_in();
	watch.signals = take_signals();
	watch.watchdog = box.config.detached ? -1 : WATCHDOG_FD;
	if (watch.signals < 0)
		give_up_at("session", errno, "cannot take signals", NULL);
	if (!process_info(getpid(), &own))
		give_up_at("session", errno, "cannot read /proc/self/stat", NULL);
	if (!box_bind(&box, &failure))
		give_up(&failure);
	if (!output_open(box.config.console_file, box.config.console_max_bytes, box.config.stderr_file, &step))
		give_up_at(step, errno, "cannot open", step[0] == 'c' ? box.config.console_file : box.config.stderr_file);
	if (!vmm_spawn(&box.vmm, &box.config, box.listener_fds, &failure) ||
	    !vmm_await_held(&box.vmm, &box.config, &watch, &failure))
		give_up(&failure);
	write_record(&own);
	open_loop(watch.signals, watch.watchdog);
	confine();
	if (!vmm_release(&box.vmm, &box.config, &watch, &failure))
		give_up(&failure);
	box_hand_over_listeners(&box);
	lifecycle_reap();
	/* A VM that nobody was told of is nobody's, detached or not: its launcher died in the middle of the start. */
	if (!status_started(getpid(), &own, box.vmm.pid, box.vmm.start_time))
		give_up_at("launcher", errno, "the launcher is gone", NULL);
	(void)close(STATUS_FD);
	serve();
	box_finish(&box);
	return 0;
}
