/*
 * The container standing still: every process of it frozen by its cgroup, so that a machine captured meanwhile goes on with none of them running
 * before the agent allows it. Requests to start a command wait here.
 */
#ifndef BOXLITE_HOLD_H
#define BOXLITE_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "request.h"

/* How long processes may take to stop, where the host says nothing. A process in an uninterruptible call stops after it. */
#define HOLD_TIMEOUT_US 2000000u

/*
 * Freezes. The agent waits meanwhile, at most the request's time; on failure everything goes on.
 * stream: of the request; its host process is the one whose end thaws.
 */
bool hold_begin(uint32_t stream, const struct quiesce_request *request, struct failure *failure);

/* Waits until no command is between its clone and its execve: until then it has copies of the agent's descriptors, and reads its memory. */
bool hold_drain(uint64_t deadline, struct failure *failure);

/* Thaws. Nothing happens when nothing is frozen. */
bool hold_end(struct failure *failure);

bool hold_is_on(void);

/* Keeps a request that would start a command until the container goes on; takes it over. False: too many wait already. */
bool hold_park(uint32_t stream, struct request *request);

/* Takes the next of those, once nothing is held; to be freed by the caller. NULL: none. */
struct request *hold_next(uint32_t *stream);

/* Forgets those whose stream agrees with this one in the bits of the mask. True when there was one. */
bool hold_forget(uint32_t stream, uint32_t mask);

/* The host process of a slot is gone. */
void hold_slot_gone(uint32_t slot);

#endif
