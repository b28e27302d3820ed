/* What an init sets on the machine itself. */
#ifndef BOXLITE_MACHINE_H
#define BOXLITE_MACHINE_H

#include <stdbool.h>

#include "failure.h"
#include "request.h"

/* Clock, entropy, the loopback interface. */
bool machine_set_up(const struct init_request *request, struct failure *failure);

#endif
