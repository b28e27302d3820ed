#include "loop.h"

#include <errno.h>
#include <stddef.h>

#define BATCH 16

static int set = -1;
static struct epoll_event batch[BATCH];
static int batch_size;

bool loop_open(void)
{
	set = epoll_create1(EPOLL_CLOEXEC);
	return set >= 0;
}

bool loop_watch(struct watch *watch, uint32_t events)
{
	struct epoll_event wanted = {.events = events, .data.ptr = watch};

	if (watch->added && watch->events == events)
		return true;
	if (epoll_ctl(set, watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &wanted) < 0)
		return false;
	watch->added = true;
	watch->events = events;
	return true;
}

void loop_forget(struct watch *watch)
{
	if (!watch->added)
		return;
	/* Removing an open descriptor that was added cannot fail. */
	(void)epoll_ctl(set, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->added = false;
	for (int index = 0; index < batch_size; index++)
		if (batch[index].data.ptr == watch)
			batch[index].data.ptr = NULL;
}

bool loop_turn(void)
{
	batch_size = epoll_wait(set, batch, BATCH, -1);
	if (batch_size < 0)
		return errno == EINTR;
	for (int index = 0; index < batch_size; index++) {
		struct watch *watch = batch[index].data.ptr;

		if (watch)
			watch->ready(watch, batch[index].events);
	}
	batch_size = 0;
	return true;
}
