#include "finish.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "clients.h"
#include "ending.h"
#include "frame.h"
#include "lifecycle.h"
#include "output.h"
#include "process-info.h"
#include "seccomp-notify.h"

/* Within the two seconds a box may take to follow its launcher. */
#define FAREWELL_MS 500
/* Rounds of killing what was orphaned meanwhile; a process that survives SIGKILL hangs in the kernel and cannot be waited for. */
#define ORPHAN_ROUNDS 20

/* This process is a subreaper: what the box left running has become its child. */
static void end_orphans(void)
{
	for (int round = 0; round < ORPHAN_ROUNDS; round++) {
		const struct timespec pause = {.tv_nsec = 5000000};
		int status;
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			continue;
		if (pid < 0 && errno == ECHILD)
			return;
		(void)kill_children();
		(void)nanosleep(&pause, NULL);
	}
}

void box_finish(struct box *box)
{
	static char text[ENDING_MAX_BYTES];
	static uint8_t console[CONSOLE_TAIL_BYTES];
	static uint8_t errors[STDERR_TAIL_BYTES];
	struct json json = {.text = text, .capacity = sizeof(text)};
	struct ending ending = {
		.cause = lifecycle_cause(),
		.killed = lifecycle_killed(),
		.diagnosed = box->config.syscall_report_fd != 0,
		.refused = seccomp_notify_call(),
		.wait_status = lifecycle_wait_status(),
		.wrapped = box->config.bubblewrap,
		.console = console,
		.errors = errors,
	};
	struct frame exited = {.type = FRAME_EXITED, .payload = (const uint8_t *)text};

	end_orphans();
	output_drain(&box->vmm);
	ending.console_size = tail_copy(output_console_tail(), console);
	ending.errors_size = tail_copy(output_stderr_tail(), errors);
	/* Written before anybody is told. On a full disk those connected now still learn it. */
	if (ending_describe(&ending, &json))
		(void)place_write(&box->exit, json.text, json.length, true);
	exited.length = (uint32_t)json.length;
	clients_stop_serving();
	box_unbind(box);
	clients_tell(&exited);
	clients_finish(FAREWELL_MS);
}

void box_abandon(struct box *box)
{
	int status;

	if (box->vmm.direct > 0) {
		vmm_kill(&box->vmm);
		/* Held or being built, it dies of SIGKILL at once. */
		while (waitpid(box->vmm.direct, &status, 0) < 0 && errno == EINTR)
			continue;
		end_orphans();
		output_drain(&box->vmm);
	}
	box_unbind(box);
}
