/* The VMM's stdout (the guest console) and stderr: kept in files of bounded size, the ends of both in memory. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>

#include "place.h"
#include "tail.h"
#include "vmm.h"

/* Opens both files. False with errno; `*step` says which. */
bool output_open(const char *console_file, uint64_t console_max_bytes, const char *stderr_file, const char **step);
/* Reads the VMM's pipes from now on. */
bool output_follow(const struct vmm *vmm);
/* Reads what is left in the pipes, bounded. */
void output_drain(const struct vmm *vmm);
const struct tail *output_console_tail(void);
const struct tail *output_stderr_tail(void);
/* Directories the files are in, for the confinement. */
int output_console_dir(void);

#endif
