/* Which host process owns which range of stream ids. A slot is not given out again before the agent has confirmed that it is closed. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdbool.h>
#include <stdint.h>

/* Slots waiting for SLOT_GONE to be sent; no new ones are given out beyond it. */
#define SLOTS_MAX_LEAVING 1024

/* Gives a slot to client number `client` (0..200). Returns 1..65535, or 0 when none is free. */
uint32_t slot_take(int client);
/* The client that owns a slot, or -1. */
int slot_owner(uint32_t slot);
/* The client is gone: queues SLOT_GONE for the agent. */
void slot_leave(uint32_t slot);
/* The next slot SLOT_GONE is due for, or 0. */
uint32_t slot_next_leaving(void);
/* Its SLOT_GONE is on the way. */
void slot_left(void);
/* The agent has confirmed. Without effect for a slot that was not waiting for it. */
void slot_confirmed(uint32_t slot);

#endif
