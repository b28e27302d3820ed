/* The one connection to the guest agent. The other end is the guest: hostile. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "place.h"

/* Waits on `listener` for a connection of the VMM or one of its descendants, then closes it and removes the socket's name. */
bool agent_listen(int listener, const struct place *place, pid_t vmm);
/* True once the agent has said hello and as long as its link lives. */
bool agent_greeted(void);
/* True when the link was there and has ended, or can never come. */
bool agent_ended(void);
/* The stored HELLO. False while there is none. */
bool agent_hello(struct frame *hello);
/* True when a host process's frame of `size` bytes may be sent now. Room for the supervisor's own frames is kept. */
bool agent_has_room(size_t size);
/* Sends a frame. The caller has checked agent_has_room, or sends one of the supervisor's own. False when there is no room. */
bool agent_send(const struct frame *frame, uint32_t stream);
/* Writes what is waiting, SLOT_GONE included. */
void agent_flush(void);

#endif
