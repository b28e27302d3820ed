#ifndef BOXLITE_HAND_OVER_PLAN_H
#define BOXLITE_HAND_OVER_PLAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * boxlite-hand-over --view FD [--outside N --uid IN:HOST --gid IN:HOST [--group IN:HOST]...
 *                   --userns FD --inner FD] [--check] [-- BINARY [ARGUMENT]...]
 *
 * IN is the id inside the user namespace that is made, HOST what it is on this host. Host user and group 0 appear inside as `--outside`. Without these
 * the command stays who starts it.
 *
 * Two namespaces are left for BINARY: one to build the view in, and one inside it for the command. The kernel lets whoever made the inner one, and stays
 * around it, end every process in it, whatever user that has become: so a command ends with the sandbox that holds it.
 *
 * The view's records (view-tree.h) are read from a descriptor, on which a namespace may be left for BINARY. Numbers
 * are decimal, without sign or leading zeros. `--check` tries everything and ends with status 0 instead of becoming BINARY.
 */
enum { MAX_GROUPS = 4, MAX_FD = 1023 };

struct mapped_id {
  unsigned inside, host;
};

struct plan {
  int view_fd;
  bool changes_user; /* else the next ones mean nothing */
  unsigned outside;
  struct mapped_id uid, gid;
  struct mapped_id groups[MAX_GROUPS];
  size_t group_count;
  int userns_fd, inner_fd;
  bool check;
  char **command; /* NULL-terminated, the binary first; NULL with check */
};

/* Reads argv, or ends the process. */
void parse_plan(int argc, char **argv, struct plan *into);

#endif
