/* A machine that was continued from a capture becomes one of its own. */
#ifndef BOXLITE_RENEW_H
#define BOXLITE_RENEW_H

#include <stdbool.h>

#include "failure.h"
#include "machine.h"
#include "request.h"

/*
 * Everything of one box, from fresh random bytes to the host name, and then lets the container go on. On failure it stands still as before. Keeps the
 * request where the defaults of later commands point into it: *kept tells.
 */
bool renew(struct request *request, bool *kept, char boot_id[BOOT_ID_BYTES], struct failure *failure);

#endif
