/* The one line the launcher waits for. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <sys/types.h>

#include "process-info.h"
#include "tail.h"

#define STATUS_FD 1

/* One JSON line `{"event":"failed","step",...}`; `error` is an errno or 0; `detail` and `errors` may be NULL. */
void status_failed(const char *step, int error, const char *message, const char *detail, const struct tail *errors);
/* False when nobody reads it any more. */
bool status_started(pid_t supervisor, const struct process_info *own, pid_t vmm, uint64_t vmm_start);

#endif
