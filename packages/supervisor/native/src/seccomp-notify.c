#include "seccomp-notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lifecycle.h"
#include "loop.h"

static void on_socket(struct watch *watch, uint32_t events);
static void on_listener(struct watch *watch, uint32_t events);

static struct watch socket_watch = {.fd = -1, .ready = on_socket};
static struct watch listener_watch = {.fd = -1, .ready = on_listener};
/* The kernel writes as much as it knows of, which seccomp_notify_open has compared with this. */
static union {
	struct seccomp_notif notification;
	uint8_t room[256];
} told;
static struct refused_call call;
static bool refused;
static const struct bytes *known;

/* What is read when there is nothing yet. */
#define NOT_YET (-2)

/* Exactly one descriptor; NOT_YET; or -1 when none will come: what sends it is the VMM's last stage, before it is the VMM. */
static int receive_listener(int socket)
{
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int fd;

	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return NOT_YET;
	if (got != 1)
		return -1;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void on_socket(struct watch *watch, uint32_t events)
{
	int listener = receive_listener(watch->fd);

	(void)events;
	if (listener == NOT_YET)
		return;
	loop_forget(watch);
	(void)close(watch->fd);
	listener_watch.fd = listener;
	/* Without a listener refused calls fail with ENOSYS, and the run says nothing of them. */
	if (listener >= 0 && !loop_watch(&listener_watch, EPOLLIN))
		lifecycle_kill();
}

static void put_name(void)
{
	char wanted[16];
	int size = snprintf(wanted, sizeof(wanted), "\n%d ", call.number);
	const uint8_t *line = size > 0 ? memmem(known->data, known->size, wanted, (size_t)size) : NULL;

	if (!line)
		return;
	const uint8_t *end = known->data + known->size;

	line += size;
	for (size_t index = 0; line + index < end && line[index] != '\n' && index < sizeof(call.name) - 1; index++)
		call.name[index] = (char)line[index];
}

static void on_listener(struct watch *watch, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		loop_forget(watch);
	if (!(events & EPOLLIN))
		return;
	memset(&told, 0, sizeof(told));
	/* ENOENT: the thread that was stopped is gone already. */
	if (ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_RECV, &told.notification) < 0 || refused)
		return;
	refused = true;
	call.number = told.notification.data.nr;
	call.architecture = told.notification.data.arch;
	for (size_t index = 0; index < 6; index++)
		call.args[index] = told.notification.data.args[index];
	put_name();
	lifecycle_call_refused();
}

bool seccomp_notify_open(int socket, const struct bytes *names)
{
	struct seccomp_notif_sizes sizes;

	if (socket < 0)
		return true;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return false;
	if (sizes.seccomp_notif > sizeof(told)) {
		errno = EOVERFLOW;
		return false;
	}
	known = names;
	socket_watch.fd = socket;
	return loop_watch(&socket_watch, EPOLLIN);
}

const struct refused_call *seccomp_notify_call(void)
{
	return refused ? &call : NULL;
}
