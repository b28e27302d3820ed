#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "unix-socket.h"

/* More than may be connected at a time: dialling a full backlog fails at once where the dialler does not block, as Node's does. */
#define API_BACKLOG 128
#define AGENT_BACKLOG 4
#define LISTENER_BACKLOG 16
/* From the death of a supervisor to that of the last process of its box, whose memory the kernel takes apart. */
#define PREDECESSOR_MS 5000
#define PREDECESSOR_PAUSE_MS 5

static bool fail(struct start_failure *failure, const char *step, const char *message, const char *detail)
{
	*failure = (struct start_failure){.step = step, .error = errno, .message = message, .detail = detail};
	return false;
}

/* The lock on control/ is what makes this process the box's only supervisor: it cannot be left behind, as a socket can. */
static bool bind_api(struct box *box, struct start_failure *failure)
{
	box->api = (struct place){.dir = open(box->config.control_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .name = "api.sock"};
	if (box->api.dir < 0)
		return fail(failure, "api-socket", "cannot open the control directory", box->config.control_dir);
	if (flock(box->api.dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			errno = EADDRINUSE;
		return fail(failure, "api-socket", "another supervisor runs this box", box->config.control_dir);
	}
	box->api_fd = unix_listen(&box->api, API_BACKLOG);
	return box->api_fd >= 0 ? true : fail(failure, "api-socket", "cannot listen on api.sock in", box->config.control_dir);
}

/*
 * With the lock held, whoever still listens belongs to a box whose supervisor was killed: its processes hold the descriptors until they
 * are dead, a moment later. Waiting for that, rather than taking the name away, keeps two machines off one disk.
 */
static int listen_after_predecessor(const struct place *place, int backlog)
{
	const struct timespec pause = {.tv_nsec = PREDECESSOR_PAUSE_MS * 1000000};
	int fd = -1;

	for (int round = 0; round <= PREDECESSOR_MS / PREDECESSOR_PAUSE_MS; round++) {
		fd = unix_listen(place, backlog);
		if (fd >= 0 || errno != EADDRINUSE)
			break;
		(void)nanosleep(&pause, NULL);
		errno = EADDRINUSE;
	}
	return fd;
}

void box_init(struct box *box)
{
	box->vmm.direct = -1;
	box->api.dir = -1;
	box->api_fd = -1;
	box->agent_fd = -1;
	for (size_t index = 0; index < CONFIG_MAX_FDS; index++)
		box->listener_fds[index] = -1;
}

bool box_bind(struct box *box, struct start_failure *failure)
{
	const struct config *config = &box->config;

	if (!bind_api(box, failure))
		return false;
	if (!place_open(&box->agent, config->agent_socket) || (box->agent_fd = listen_after_predecessor(&box->agent, AGENT_BACKLOG)) < 0)
		return fail(failure, "agent-socket", "cannot listen on", config->agent_socket);
	for (size_t index = 0; index < config->listener_count; index++) {
		struct place *place = &box->listener_places[index];

		if (!place_open(place, config->listeners[index].path) ||
		    (box->listener_fds[index] = listen_after_predecessor(place, LISTENER_BACKLOG)) < 0)
			return fail(failure, "listener", "cannot listen on", config->listeners[index].path);
	}
	if (!place_open(&box->record, config->pid_file))
		return fail(failure, "record", "cannot open the directory of", config->pid_file);
	if (!place_open(&box->exit, config->exit_file))
		return fail(failure, "record", "cannot open the directory of", config->exit_file);
	return true;
}

void box_hand_over_listeners(struct box *box)
{
	for (size_t index = 0; index < box->config.listener_count; index++)
		(void)close(box->listener_fds[index]);
}

void box_unbind(struct box *box)
{
	if (box->agent_fd >= 0)
		place_remove(&box->agent);
	for (size_t index = 0; index < box->config.listener_count; index++)
		if (box->listener_fds[index] >= 0)
			place_remove(&box->listener_places[index]);
	if (box->recorded)
		place_remove(&box->record);
	if (box->api_fd >= 0)
		place_remove(&box->api);
	/* Last, so that a new supervisor finds nothing of this one: the lock ends with its descriptor. */
	if (box->api.dir >= 0)
		(void)close(box->api.dir);
	box->api.dir = -1;
}
