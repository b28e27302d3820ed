/* What a host sets on the machine itself. */
#ifndef BOXLITE_MACHINE_H
#define BOXLITE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/* The text of a boot id: a UUID, and its end. */
#define BOOT_ID_BYTES 37u

/* Nanoseconds since the epoch; 0 leaves the clock alone. */
bool machine_set_clock(uint64_t nanoseconds, struct failure *failure);

/* What machine_add_entropy needs, ahead of it. */
bool machine_open_pool(struct failure *failure);

/*
 * Credits the bytes to the kernel's random pool and reseeds its generator from it: whatever reads random bytes afterwards, in the kernel or in the
 * container, gets others than a copy of this machine. Nothing happens for no bytes.
 */
bool machine_add_entropy(const uint8_t *bytes, size_t length, struct failure *failure);

bool machine_loopback_up(struct failure *failure);

/* A boot id, as the kernel would make it: of random bytes, so after machine_add_entropy. */
bool machine_new_boot_id(char text[BOOT_ID_BYTES], struct failure *failure);

#endif
