#include "lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-link.h"
#include "loop.h"

/* SIGTERM to the supervisor: what `stop` uses by default. */
#define TERM_GRACE_MS 10000
/* The launcher died: all must be over within two seconds of it (contract of SuperviseRequest.detached). */
#define WATCHDOG_GRACE_MS 1000
/* How long a machine may take to power off after its agent has hung up unasked. */
#define LOST_GRACE_MS 5000
/* A stop may not take longer than this, whatever a client asks for. */
#define MAX_GRACE_MS (24 * 3600 * 1000)
/* SIGKILL is repeated for a child that was forked in between. */
#define KILL_AGAIN_MS 500

static void on_signal(struct watch *watch, uint32_t events);
static void on_watchdog(struct watch *watch, uint32_t events);
static void on_deadline(struct watch *watch, uint32_t events);

static struct watch signal_watch = {.fd = -1, .ready = on_signal};
static struct watch watchdog_watch = {.fd = -1, .ready = on_watchdog};
static struct watch timer_watch = {.fd = -1, .ready = on_deadline};
static const struct vmm *machine;
static enum end_cause cause = END_UNASKED;
static int64_t deadline; /* ms, 0: none */
static bool killing;
static bool over;
static int wait_status;

static int64_t now_ms(void)
{
	struct timespec now;

	/* CLOCK_MONOTONIC always exists on Linux. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_deadline(int64_t at)
{
	struct itimerspec when;

	memset(&when, 0, sizeof(when));
	deadline = at;
	when.it_value.tv_sec = at / 1000;
	when.it_value.tv_nsec = at % 1000 * 1000000;
	/* Cannot fail for a valid absolute time on a timerfd of ours. */
	(void)timerfd_settime(timer_watch.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void kill_now(void)
{
	killing = true;
	if (over)
		return;
	vmm_kill(machine);
	set_deadline(now_ms() + KILL_AGAIN_MS);
}

static void stop_for(enum end_cause why, uint32_t grace_ms)
{
	const struct frame shutdown = {.type = FRAME_SHUTDOWN};
	int64_t at = now_ms() + (grace_ms < MAX_GRACE_MS ? grace_ms : MAX_GRACE_MS);

	if (killing)
		return;
	/* Until the agent has said hello nothing of the user's runs: there is nobody to ask and nothing to lose. */
	if (grace_ms == 0 || (!agent_greeted() && !agent_ended())) {
		cause = why;
		kill_now();
		return;
	}
	if (cause != END_ASKED)
		(void)agent_send(&shutdown, 0);
	if (cause == END_UNASKED || cause == END_AGENT_LOST)
		cause = why;
	if (deadline == 0 || at < deadline)
		set_deadline(at);
}

void lifecycle_stop(uint32_t grace_ms)
{
	stop_for(END_ASKED, grace_ms);
}

void lifecycle_kill(void)
{
	if (killing)
		return;
	cause = END_ASKED;
	kill_now();
}

void lifecycle_agent_lost(void)
{
	if (killing || cause == END_ASKED)
		return;
	cause = END_AGENT_LOST;
	set_deadline(now_ms() + LOST_GRACE_MS);
}

void lifecycle_protocol_broken(void)
{
	if (killing)
		return;
	cause = END_PROTOCOL;
	kill_now();
}

void lifecycle_call_refused(void)
{
	if (!killing)
		kill_now();
}

void lifecycle_reap(void)
{
	siginfo_t info;
	pid_t pid;
	int status;

	memset(&info, 0, sizeof(info));
	if (!over && waitid(P_PID, (id_t)machine->direct, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
		/* Its number stands for its process group only until it is reaped. */
		vmm_kill(machine);
		if (waitpid(machine->direct, &wait_status, 0) == machine->direct)
			over = true;
	}
	/* Orphans of the box: this process is their subreaper. The direct child is waited for above. */
	while (over && (pid = waitpid(-1, &status, WNOHANG)) > 0)
		continue;
}

static void on_signal(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM)
			lifecycle_stop(TERM_GRACE_MS);
		else if (info.ssi_signo == SIGQUIT)
			lifecycle_kill();
	}
	lifecycle_reap();
}

static void on_watchdog(struct watch *watch, uint32_t events)
{
	char bytes[64];
	ssize_t got = read(watch->fd, bytes, sizeof(bytes));

	(void)events;
	/* The launcher never writes; only the end of the pipe means something. */
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	loop_forget(watch);
	lifecycle_stop(WATCHDOG_GRACE_MS);
}

static void on_deadline(struct watch *watch, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
		kill_now();
}

bool lifecycle_open(const struct vmm *vmm, int signals, int watchdog)
{
	machine = vmm;
	signal_watch.fd = signals;
	watchdog_watch.fd = watchdog;
	timer_watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer_watch.fd < 0 || !loop_watch(&timer_watch, EPOLLIN) || !loop_watch(&signal_watch, EPOLLIN))
		return false;
	return watchdog < 0 || loop_watch(&watchdog_watch, EPOLLIN);
}

bool lifecycle_over(void)
{
	return over;
}

enum end_cause lifecycle_cause(void)
{
	return cause;
}

bool lifecycle_killed(void)
{
	return killing;
}

int lifecycle_wait_status(void)
{
	return wait_status;
}
