/* The kernel's device events: a device appears, gets its name, or has another size. */
#ifndef BOXLITE_DEVICE_EVENTS_H
#define BOXLITE_DEVICE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Begins to listen; to be closed by the caller. Negative with errno. Look at the device after it, so that no event falls in between. */
int device_events_open(void);

/* Waits for one event, whatever it is, until a time (monotonic_us). False: none came, or none can come. */
bool device_events_wait(int events, uint64_t deadline);

#endif
