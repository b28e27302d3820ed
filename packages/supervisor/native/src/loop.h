/* One epoll set, level triggered. A handler must stand being called when nothing is there. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct watch {
	int fd;
	bool added;
	uint32_t events;
	void (*ready)(struct watch *watch, uint32_t events);
};

bool loop_open(void);
/* Sets what is waited for; hang-ups are always told while the descriptor is in the set. False with errno. */
bool loop_watch(struct watch *watch, uint32_t events);
/* Takes the descriptor out of the set. It stays open. */
void loop_forget(struct watch *watch);
/* Waits for one batch of events and calls their handlers. False with errno when the set itself is broken. */
bool loop_turn(void);

#endif
