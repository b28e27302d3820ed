/* Facts about processes from /proc. */
#ifndef PROCESS_INFO_H
#define PROCESS_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_info {
	pid_t parent;
	uint64_t start_time; /* clock ticks since boot, proc(5) field 22 */
};

bool process_info(pid_t pid, struct process_info *info);
/* True when `pid` is `ancestor` or descends from it. */
bool process_descends(pid_t pid, pid_t ancestor);
/* Kills every child of this process, orphans it adopted as a subreaper included. Returns how many it found. */
int kill_children(void);

#endif
