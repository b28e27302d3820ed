/* Host processes connected to api.sock. Each has its own bounded queues: none can hold up another. */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"

/* Serves `listener`; `welcome` is the text of each connection's first frame and outlives it. */
bool clients_serve(int listener, const char *welcome);
/* Takes over a connection made by the launcher. */
void clients_adopt(int fd);
/* A frame for every client; dropped are those whose queue is full. */
void clients_tell(const struct frame *frame);
/* A frame of the agent for client number `index` (-1: its owner is gone). */
void clients_deliver(int index, const struct frame *frame);
/* There may be room to the agent again: lets waiting clients go on, one frame each in turn. */
void clients_resume(void);
/* Writes what is waiting. */
void clients_flush(void);
/* Accepts nobody any more. */
void clients_stop_serving(void);
/* Waits until everybody has been sent everything, at most `timeout_ms`, then closes all connections. */
void clients_finish(int timeout_ms);

#endif
