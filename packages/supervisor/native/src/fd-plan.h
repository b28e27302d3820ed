/* Collects the descriptors a child is promised. */
#ifndef FD_PLAN_H
#define FD_PLAN_H

#include <stdbool.h>

#include "stage-a.h"

/* Moves `fd` (consumed, also on failure) above the targets and notes where it goes. False with errno. */
bool plan_move(struct stage_plan *plan, int fd, int target);
/* The same for bytes, as a sealed file in memory: no writer has to feed it and any size fits. */
bool plan_bytes(struct stage_plan *plan, const struct bytes *content, int target);
/* A regular file, for reading; a link in its last component is not followed. NULL, or what is wrong with errno, which is 0 for a file of another kind. */
const char *plan_file(struct stage_plan *plan, const char *path, int target);
/* A pipe whose write end goes to the child. Returns our non-blocking read end, or -1 with errno. */
int plan_output(struct stage_plan *plan, int target);
/* A pipe whose read end goes to the child. Returns our write end, or -1 with errno. */
int plan_input(struct stage_plan *plan, int target);
/* Moves a descriptor of ours out of the range of the targets. Returns the new one, or -1 with errno. */
int plan_raise(int fd);
/* Sorts by target, as stage A needs it. */
void plan_finish(struct stage_plan *plan);
/* Closes the sources, once the child has its own. */
void plan_close(struct stage_plan *plan);

#endif
