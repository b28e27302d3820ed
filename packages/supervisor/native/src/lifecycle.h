/* What is to become of the box: running, asked to stop, or being killed. */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ending.h"
#include "vmm.h"

/* `watchdog` is the pipe whose other end the launcher holds, -1 when detached; `signals` a signalfd. */
bool lifecycle_open(const struct vmm *vmm, int signals, int watchdog);
/* Looks whether the VMM has ended. To be called once before the first turn of the loop: its SIGCHLD may have been taken during the start. */
void lifecycle_reap(void);
/* Asks the agent to shut down and kills after `grace_ms`. Asked again, the earlier end counts. */
void lifecycle_stop(uint32_t grace_ms);
void lifecycle_kill(void);
/* The agent's link ended: normal while the machine powers off. */
void lifecycle_agent_lost(void);
void lifecycle_protocol_broken(void);
/* A diagnosis run stopped a call: the box is killed. */
void lifecycle_call_refused(void);
/* True when the direct child has ended and been reaped. */
bool lifecycle_over(void);
enum end_cause lifecycle_cause(void);
/* True when this supervisor has sent SIGKILL before the end. */
bool lifecycle_killed(void);
/* As waitpid reports it; valid once it is over. */
int lifecycle_wait_status(void);

#endif
