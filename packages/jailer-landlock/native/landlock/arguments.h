#ifndef BOXLITE_ARGUMENTS_H
#define BOXLITE_ARGUMENTS_H

#include <stdbool.h>

/*
 * boxlite-landlock --version-of-kernel
 * boxlite-landlock --rules FD [--at-most N] [--no-tcp] [--audit] [--drop-capabilities] [--gid N] [--uid N] [--unix-sockets-only] -- BINARY [ARGUMENT]...
 *
 * Each option once. Numbers are decimal, without sign or leading zeros; descriptors lie in 3 to 65535. --at-most: use no more of Landlock than
 * this version has. BINARY is taken as it is: no PATH is searched.
 */
enum { MAX_FD = 65535 };

struct arguments {
  bool version_of_kernel;
  int rules_fd;
  unsigned at_most;
  bool no_tcp, audit, drop_capabilities, unix_sockets_only;
  bool has_gid, has_uid;
  unsigned gid, uid;
  char **command; /* NULL-terminated, the binary first */
};

/* Reads argv, or ends the process with STEP_ARGUMENTS. */
void parse_arguments(int argc, char **argv, struct arguments *into);

#endif
