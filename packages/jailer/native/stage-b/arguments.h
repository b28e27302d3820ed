#ifndef BOXLITE_ARGUMENTS_H
#define BOXLITE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * boxlite-stage-b [--gid N] [--uid N] [--group N]... [--identity FD] [--user-namespace FD] [--seccomp FD [--notify FD]] [--unset NAME]...
 *                 [--keep FD]... [--keep-from FD] -- BINARY [ARGUMENT]...
 *
 * Each option once, --group at most 4 times, --unset at most 16 times, --keep at most 64 times. Numbers are decimal, without sign or leading zeros. Descriptors lie in
 * 3 to 65535. BINARY is taken as it is: no PATH is searched.
 */
enum { MAX_GROUPS = 4, MAX_KEPT = 64, MAX_UNSET = 16, MAX_FD = 65535 };

struct arguments {
  bool has_gid, has_uid;
  unsigned gid, uid;
  unsigned groups[MAX_GROUPS]; /* supplementary; all others are given up */
  size_t group_count;
  int seccomp_fd, identity_fd, notify_fd, userns_fd; /* -1: not asked for */
  int kept[MAX_KEPT];
  size_t kept_count;
  int keep_from; /* MAX_FD + 1: none */
  const char *unset[MAX_UNSET];
  size_t unset_count;
  char **command; /* NULL-terminated, the binary first */
};

/* Reads argv, or ends the process with STEP_ARGUMENTS. */
void parse_arguments(int argc, char **argv, struct arguments *into);

#endif
