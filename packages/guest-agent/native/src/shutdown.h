/* The end of the machine, in order and bounded in time. */
#ifndef BOXLITE_SHUTDOWN_H
#define BOXLITE_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

/* From SIGTERM to SIGKILL when the host names no other time. */
#define SHUTDOWN_GRACE_US 2000000u

/* Begins it: SIGTERM to every process of the container. Later calls change nothing. */
void shutdown_begin(const char *reason, uint64_t grace_us);

/* Goes on as far as it can now. Returns when it wants to be called again (monotonic, microseconds); ends the machine at last. */
uint64_t shutdown_step(uint64_t now);

/* The container's init has been reaped. */
void shutdown_container_gone(void);

#endif
