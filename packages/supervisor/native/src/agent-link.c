#include "agent-link.h"

#include <string.h>
#include <unistd.h>

#include "clients.h"
#include "inbox.h"
#include "lifecycle.h"
#include "link-window.h"
#include "loop.h"
#include "process-info.h"
#include "ring.h"
#include "slots.h"
#include "unix-socket.h"

/* On the way to the agent: a few of the largest frames. */
#define OUT_BYTES (512u * 1024u)
/* Kept free of host processes' frames, for SHUTDOWN and SLOT_GONE. */
#define OUT_RESERVE 4096u

static void accept_agent(struct watch *watch, uint32_t events);
static void agent_ready(struct watch *watch, uint32_t events);

static struct watch listen_watch = {.fd = -1, .ready = accept_agent};
static struct watch watch_link = {.fd = -1, .ready = agent_ready};
static struct inbox in;
static struct ring out;
static struct link_window window;
static const struct place *socket_place;
static pid_t expected;
static bool greeted;
static bool ended;
static uint8_t hello_payload[FRAME_MAX_PAYLOAD];
static struct frame hello_frame;

bool agent_listen(int listener, const struct place *place, pid_t vmm)
{
	socket_place = place;
	expected = vmm;
	listen_watch.fd = listener;
	return inbox_open(&in) && ring_open(&out, OUT_BYTES) && loop_watch(&listen_watch, EPOLLIN);
}

bool agent_greeted(void)
{
	return greeted && !ended;
}

bool agent_ended(void)
{
	return ended;
}

bool agent_hello(struct frame *hello)
{
	*hello = hello_frame;
	return greeted;
}

bool agent_has_room(size_t size)
{
	return agent_greeted() && ring_room(&out) >= size + OUT_RESERVE && window_takes(&window, size);
}

bool agent_send(const struct frame *frame, uint32_t stream)
{
	uint8_t header[FRAME_HEADER];

	if (!agent_greeted() || ring_room(&out) < FRAME_HEADER + frame->length)
		return false;
	frame_header(header, frame, stream);
	ring_put(&out, header, FRAME_HEADER);
	if (frame->length > 0)
		ring_put(&out, frame->payload, frame->length);
	if (frame->type != FRAME_LINK_ACK)
		window_sent(&window, FRAME_HEADER + frame->length);
	return true;
}

static void stop_listening(void)
{
	loop_forget(&listen_watch);
	(void)close(listen_watch.fd);
	listen_watch.fd = -1;
	place_remove(socket_place);
}

/* A guest that goes on from a capture may take this link for the one it had: it is asked to say hello, whoever it was that it said it to last. */
static void ask_for_hello(void)
{
	const struct frame question = {.type = FRAME_HELLO};
	uint8_t header[FRAME_HEADER];

	frame_header(header, &question, 0);
	ring_put(&out, header, FRAME_HEADER);
}

static void accept_agent(struct watch *watch, uint32_t events)
{
	pid_t pid;
	uid_t uid;
	int fd;

	(void)events;
	fd = unix_accept(watch->fd, &pid, &uid);
	if (fd < 0)
		return;
	/* Whoever else can reach the socket must not pose as the guest. */
	if (!process_descends(pid, expected)) {
		(void)close(fd);
		return;
	}
	watch_link.fd = fd;
	if (!loop_watch(&watch_link, EPOLLIN)) {
		(void)close(fd);
		return;
	}
	stop_listening();
	ask_for_hello();
}

static void end_link(void)
{
	ended = true;
	loop_forget(&watch_link);
	(void)close(watch_link.fd);
	watch_link.fd = -1;
	inbox_close(&in);
	ring_close(&out);
}

static void keep_hello(const struct frame *frame)
{
	hello_frame = *frame;
	if (frame->length > 0)
		memcpy(hello_payload, frame->payload, frame->length);
	hello_frame.payload = hello_payload;
	/* Between agent and supervisor only, and said once: a repeated hello changes nothing. */
	hello_frame.flags = 0;
	window.on = window.on || (!greeted && (frame->flags & FRAME_FLAG_WINDOWED));
	greeted = true;
	clients_tell(&hello_frame);
}

static bool handle_control(const struct frame *frame)
{
	if (frame->type == FRAME_LINK_ACK)
		return window_acked(&window, read_u32(frame->payload));
	if (frame->type == FRAME_HELLO)
		keep_hello(frame);
	else
		slot_confirmed(frame->stream >> 16);
	return true;
}

static bool handle(const struct frame *frame)
{
	switch (frame_from_agent(frame, greeted)) {
	case FRAME_CONTROL:
		return handle_control(frame);
	case FRAME_FORWARD:
		clients_deliver(slot_owner(frame->stream >> 16), frame);
		return true;
	case FRAME_IGNORE:
		return true;
	default:
		return false;
	}
}

/* Deals with every whole frame that is there. False when the agent broke the protocol. */
static bool handle_all(void)
{
	struct frame frame;
	long size;

	while ((size = frame_parse(in.base + in.start, in.end - in.start, &frame)) > 0) {
		if (!handle(&frame))
			return false;
		if (frame.type != FRAME_HELLO && frame.type != FRAME_LINK_ACK)
			window_received(&window, (size_t)size);
		inbox_consume(&in, (size_t)size);
	}
	return size == 0;
}

static void agent_ready(struct watch *watch, uint32_t events)
{
	enum inbox_read got = INBOX_NOTHING;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		got = inbox_fill(&in, watch->fd);
	if (got == INBOX_GOT && !handle_all()) {
		end_link();
		lifecycle_protocol_broken();
	} else if (got == INBOX_END) {
		end_link();
		lifecycle_agent_lost();
	}
}

static void send_leaving(void)
{
	const struct frame gone = {.type = FRAME_SLOT_GONE};
	uint32_t slot;

	/* The last bytes of room are SHUTDOWN's. */
	while ((slot = slot_next_leaving()) != 0 && ring_room(&out) > 8 * FRAME_HEADER && agent_send(&gone, slot << 16))
		slot_left();
}

static void acknowledge(void)
{
	uint8_t payload[4];
	const struct frame ack = {.type = FRAME_LINK_ACK, .length = sizeof(payload), .payload = payload};
	uint32_t due = window_due(&window);

	write_u32(payload, due);
	/* Without room it is due again at the next turn. */
	if (due > 0 && agent_send(&ack, 0))
		window_paid(&window, due);
}

void agent_flush(void)
{
	if (watch_link.fd < 0)
		return;
	send_leaving();
	acknowledge();
	/* A broken link also shows as readable, where it is dealt with. */
	(void)ring_flush(&out, watch_link.fd);
	(void)loop_watch(&watch_link, out.used > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}
