/* Describes the machine to libkrun, call by call, and becomes it. */
#ifndef MACHINE_H
#define MACHINE_H

#include "config.h"
#include "library.h"

/* Ends the process: with the machine, or with EXIT_MACHINE when libkrun refuses. */
_Noreturn void machine_run(const struct library *library, const struct config *config);

#endif
