/* The JSON bubblewrap writes to its --info-fd. */
#ifndef PID_REPORT_H
#define PID_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PID_REPORT_MAX 4096

/* Finds the number of `"child-pid"`. False when it is missing, cut short, or no pid. */
bool pid_report_parse(const char *text, size_t size, pid_t *pid);

#endif
