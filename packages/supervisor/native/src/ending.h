/* How a VMM ended, told as core's ExitRecord. */
#ifndef ENDING_H
#define ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "seccomp-notify.h"

enum end_cause {
	END_UNASKED,    /* the VMM ended by itself */
	END_ASKED,      /* STOP, KILL, SIGTERM or the watchdog came first */
	END_AGENT_LOST, /* killed because the agent had hung up and the machine went on */
	END_PROTOCOL,   /* killed because the agent broke the protocol */
};

#define STDERR_TAIL_BYTES 4096
#define CONSOLE_TAIL_BYTES 16384
/* Six characters of JSON for every byte of the tail, and the rest. Below one frame's payload. */
#define ENDING_MAX_BYTES 32768

struct ending {
	enum end_cause cause;
	bool killed;     /* by this supervisor */
	bool diagnosed;  /* a diagnosis run: the jail's filter tells what it refuses */
	const struct refused_call *refused; /* what a diagnosis run stopped, or NULL */
	int wait_status; /* of the direct child */
	bool wrapped;    /* the direct child is bubblewrap, which passes a signal on as 128 + its number */
	const uint8_t *console;
	size_t console_size;
	const uint8_t *errors;
	size_t errors_size;
};

/* Writes the record. True when it is a crash. */
bool ending_describe(const struct ending *ending, struct json *json);

#endif
