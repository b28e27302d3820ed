#include "clients.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent-link.h"
#include "inbox.h"
#include "lifecycle.h"
#include "loop.h"
#include "ring.h"
#include "slots.h"
#include "unix-socket.h"

#define MAX_CLIENTS 72
/* Of those, how many may talk to the agent: the rest is left for STOP and KILL. */
#define MAX_WITH_SLOT 64
/* Unread bytes of one client. Credit (128 KiB a stream and channel) keeps an honest one far below. */
#define OUT_BYTES (8u * 1024u * 1024u)

struct client {
	struct watch watch; /* first, so that a handler finds its client */
	struct inbox in;
	struct ring out;
	uint32_t slot;
	bool waiting; /* its next frame waits for room to the agent */
};

static void accept_client(struct watch *watch, uint32_t events);
static void client_ready(struct watch *watch, uint32_t events);

static struct client clients[MAX_CLIENTS];
static struct watch listen_watch = {.fd = -1, .ready = accept_client};
static const char *welcome_text;
static int slots_used;
static int first_turn; /* who is served first when room appears */

static bool alive(const struct client *client)
{
	return client->in.base != NULL;
}

static void drop(struct client *client)
{
	loop_forget(&client->watch);
	(void)close(client->watch.fd);
	client->watch.fd = -1;
	inbox_close(&client->in);
	ring_close(&client->out);
	if (client->slot) {
		slot_leave(client->slot);
		client->slot = 0;
		slots_used--;
	}
	client->waiting = false;
}

static void tell(struct client *client, const struct frame *frame, uint32_t stream)
{
	uint8_t header[FRAME_HEADER];

	if (ring_room(&client->out) < FRAME_HEADER + frame->length) {
		drop(client);
		return;
	}
	frame_header(header, frame, stream);
	ring_put(&client->out, header, FRAME_HEADER);
	if (frame->length > 0)
		ring_put(&client->out, frame->payload, frame->length);
}

static void set_interest(struct client *client)
{
	uint32_t events = (client->waiting ? 0 : EPOLLIN) | (client->out.used > 0 ? EPOLLOUT : 0);

	if (!loop_watch(&client->watch, events))
		drop(client);
}

void clients_adopt(int fd)
{
	struct frame welcome = {.type = FRAME_WELCOME, .payload = (const uint8_t *)welcome_text};
	struct frame hello;

	welcome.length = (uint32_t)strlen(welcome_text);
	for (int index = 0; index < MAX_CLIENTS; index++) {
		struct client *client = &clients[index];

		if (alive(client))
			continue;
		if (!ring_open(&client->out, OUT_BYTES) || !inbox_open(&client->in)) {
			ring_close(&client->out);
			break;
		}
		client->watch = (struct watch){.fd = fd, .ready = client_ready};
		tell(client, &welcome, 0);
		if (agent_hello(&hello))
			tell(client, &hello, 0);
		if (alive(client))
			set_interest(client);
		return;
	}
	(void)close(fd);
}

static void accept_client(struct watch *watch, uint32_t events)
{
	pid_t pid;
	uid_t uid;
	int fd = unix_accept(watch->fd, &pid, &uid);

	(void)events;
	if (fd < 0)
		return;
	if (uid == geteuid() || uid == 0)
		clients_adopt(fd);
	else
		(void)close(fd);
}

bool clients_serve(int listener, const char *welcome)
{
	welcome_text = welcome;
	listen_watch.fd = listener;
	return loop_watch(&listen_watch, EPOLLIN);
}

static bool has_slot(struct client *client)
{
	if (client->slot)
		return true;
	if (slots_used >= MAX_WITH_SLOT)
		return false;
	client->slot = slot_take((int)(client - clients));
	slots_used += client->slot ? 1 : 0;
	return client->slot != 0;
}

enum progress { NO_FRAME, HANDLED, MUST_WAIT, DROPPED };

static enum progress handle_one(struct client *client)
{
	struct frame frame;
	long size = frame_parse(client->in.base + client->in.start, client->in.end - client->in.start, &frame);
	enum frame_verdict verdict;

	if (size == 0)
		return NO_FRAME;
	verdict = size < 0 ? FRAME_BROKEN : frame_from_client(&frame);
	if (verdict == FRAME_FORWARD && !agent_ended()) {
		if (!agent_has_room((size_t)size))
			return MUST_WAIT;
		if (!has_slot(client))
			verdict = FRAME_BROKEN;
		else
			(void)agent_send(&frame, client->slot << 16 | frame.stream);
	}
	if (verdict == FRAME_BROKEN) {
		drop(client);
		return DROPPED;
	}
	if (verdict == FRAME_CONTROL && frame.type == FRAME_STOP)
		lifecycle_stop(read_u32(frame.payload));
	else if (verdict == FRAME_CONTROL)
		lifecycle_kill();
	inbox_consume(&client->in, (size_t)size);
	return HANDLED;
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct client *client = (struct client *)watch;
	enum progress progress = HANDLED;
	enum inbox_read got = INBOX_NOTHING;

	if ((events & EPOLLIN) && !client->waiting)
		got = inbox_fill(&client->in, watch->fd);
	while (got == INBOX_GOT && progress == HANDLED)
		progress = handle_one(client);
	if (progress == DROPPED)
		return;
	client->waiting = client->waiting || progress == MUST_WAIT;
	/* A hang-up is looked at last: what was sent before it counts, as far as it has been read. */
	if (got == INBOX_END || ((events & (EPOLLHUP | EPOLLERR)) && got == INBOX_NOTHING)) {
		drop(client);
		return;
	}
	set_interest(client);
}

void clients_resume(void)
{
	bool progressed = true;

	while (progressed) {
		progressed = false;
		for (int turn = 0; turn < MAX_CLIENTS; turn++) {
			struct client *client = &clients[(first_turn + turn) % MAX_CLIENTS];

			if (!alive(client) || !client->waiting)
				continue;
			enum progress progress = handle_one(client);

			if (progress == NO_FRAME) {
				client->waiting = false;
				set_interest(client);
			}
			progressed = progressed || progress == HANDLED;
		}
		first_turn = (first_turn + 1) % MAX_CLIENTS;
	}
}

void clients_tell(const struct frame *frame)
{
	for (int index = 0; index < MAX_CLIENTS; index++)
		if (alive(&clients[index]))
			tell(&clients[index], frame, 0);
}

void clients_deliver(int index, const struct frame *frame)
{
	if (index >= 0 && index < MAX_CLIENTS && alive(&clients[index]))
		tell(&clients[index], frame, frame->stream & 0xffff);
}

void clients_flush(void)
{
	for (int index = 0; index < MAX_CLIENTS; index++) {
		struct client *client = &clients[index];

		if (!alive(client) || client->out.used == 0)
			continue;
		if (ring_flush(&client->out, client->watch.fd))
			set_interest(client);
		else
			drop(client);
	}
}

void clients_stop_serving(void)
{
	loop_forget(&listen_watch);
	if (listen_watch.fd >= 0)
		(void)close(listen_watch.fd);
	listen_watch.fd = -1;
}

void clients_finish(int timeout_ms)
{
	struct timespec start, now;
	struct pollfd waiting[MAX_CLIENTS];

	if (clock_gettime(CLOCK_MONOTONIC, &start) < 0)
		return;
	for (;;) {
		nfds_t count = 0;
		int left = timeout_ms;

		clients_flush();
		for (int index = 0; index < MAX_CLIENTS; index++)
			if (alive(&clients[index]) && clients[index].out.used > 0)
				waiting[count++] = (struct pollfd){.fd = clients[index].watch.fd, .events = POLLOUT};
		if (clock_gettime(CLOCK_MONOTONIC, &now) == 0)
			left -= (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
		if (count == 0 || left <= 0)
			break;
		if (poll(waiting, count, left) < 0 && errno != EINTR)
			break;
	}
	for (int index = 0; index < MAX_CLIENTS; index++)
		if (alive(&clients[index]))
			drop(&clients[index]);
}
