/*
 * The supervisor's own confinement, once it is set up: no new privileges, no new programs, processes or sockets, no executable memory
 * (seccomp), and on the file system only the box's own directories and /proc (Landlock, where the kernel has it).
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/* A directory the supervisor goes on working in: `writes` for files it makes and renames, else it only removes names there. */
struct confine_dir {
	int fd;
	bool writes;
};

/*
 * `diagnosing` leaves what a diagnosis run takes: receiving one descriptor, and one request of ioctl. False with errno when the kernel has a mechanism
 * and refuses it.
 */
bool confine_self(const struct confine_dir *dirs, size_t count, bool diagnosing);

#endif
