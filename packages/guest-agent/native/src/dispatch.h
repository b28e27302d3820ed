/* Frames of the host, each checked, each to where it belongs. */
#ifndef BOXLITE_DISPATCH_H
#define BOXLITE_DISPATCH_H

#include <stdbool.h>

#include "frame.h"

void dispatch(const struct frame *frame);

/* The host end of the link went away: every stream is detached. */
void dispatch_link_gone(void);

/* Whether the present host has asked for anything. */
bool dispatch_link_used(void);

/* Starts the commands that were asked for while the container stood still, if it does not any more. */
void dispatch_held(void);

#endif
