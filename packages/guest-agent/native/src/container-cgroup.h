#ifndef BOXLITE_CONTAINER_CGROUP_H
#define BOXLITE_CONTAINER_CGROUP_H

#include <sys/types.h>

/* Everything the container runs is in this one or below it. */
#define CONTAINER_CGROUP "/sys/fs/cgroup/container"

/* The container's cgroup, made when it is not there, or -1: a kernel without cgroup2 still runs containers. */
int container_cgroup_open(void);

/*
 * Hands the container's cgroup over to what runs in it: with every controller, and empty but for a child that `init` moves to, because a
 * cgroup with processes of its own gives no controller to its children. Takes `cgroup`; what is returned is where further processes start:
 * that child, or `cgroup` itself when this was not possible, which the console is told.
 */
int container_cgroup_delegate(int cgroup, pid_t init);

#endif
