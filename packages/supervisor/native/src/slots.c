#include "slots.h"

#include <stddef.h>

#define SLOT_COUNT 65536u

/* A byte a slot: 0 free, 1..201 the owner plus one, or one of these. Only touched pages exist. */
enum { SLOT_FREE = 0, SLOT_LEAVING = 254, SLOT_UNCONFIRMED = 255 };

static uint8_t states[SLOT_COUNT];
static uint32_t last_given;
static uint16_t leaving[SLOTS_MAX_LEAVING];
static size_t leaving_head;
static size_t leaving_count;
static size_t owned_count;

uint32_t slot_take(int client)
{
	if (leaving_count + owned_count >= SLOTS_MAX_LEAVING)
		return 0;
	for (uint32_t tried = 1; tried < SLOT_COUNT; tried++) {
		last_given = last_given + 1 < SLOT_COUNT ? last_given + 1 : 1;
		if (states[last_given] == SLOT_FREE) {
			states[last_given] = (uint8_t)(client + 1);
			owned_count++;
			return last_given;
		}
	}
	return 0;
}

int slot_owner(uint32_t slot)
{
	if (slot == 0 || slot >= SLOT_COUNT || states[slot] == SLOT_FREE || states[slot] >= SLOT_LEAVING)
		return -1;
	return states[slot] - 1;
}

void slot_leave(uint32_t slot)
{
	states[slot] = SLOT_LEAVING;
	owned_count--;
	leaving[(leaving_head + leaving_count) % SLOTS_MAX_LEAVING] = (uint16_t)slot;
	leaving_count++;
}

uint32_t slot_next_leaving(void)
{
	return leaving_count > 0 ? leaving[leaving_head] : 0;
}

void slot_left(void)
{
	states[leaving[leaving_head]] = SLOT_UNCONFIRMED;
	leaving_head = (leaving_head + 1) % SLOTS_MAX_LEAVING;
	leaving_count--;
}

void slot_confirmed(uint32_t slot)
{
	if (slot < SLOT_COUNT && states[slot] == SLOT_UNCONFIRMED)
		states[slot] = SLOT_FREE;
}
