/*
 * Runs on the host, between stage A and a sandbox: mounts what the command is to see as one tree, which the sandbox binds as its root. For root it also
 * makes the user namespace in which the command will be a user of its own, and gives that user the granted paths by mounts that translate ids. Nothing on
 * disk changes its owner or mode, so nothing has to be taken back.
 *
 * In the namespace there are two users: the box's, and host root under the number --outside, as whom a sandbox builds its view. The command has to
 * leave the latter itself (stage B).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "give-up.h"
#include "namespaces.h"
#include "plan.h"
#include "user-namespace.h"
#include "view-tree.h"

extern char **environ;

/* Without (uid_t)-1. */
#define ID_COUNT 4294967295U

static char records[MAX_VIEW_BYTES];

static size_t read_records(int fd) {
  size_t used = 0;
  /* A pipe refuses with ESPIPE and is at its start anyway. */
  if (lseek(fd, 0, SEEK_SET) == -1 && errno != ESPIPE) give_up("view", "seek", errno);
  for (;;) {
    const ssize_t got = read(fd, records + used, sizeof records - used);
    if (got == -1 && errno == EINTR) continue;
    if (got == -1) give_up("view", "read", errno);
    if (got == 0) break;
    used += (size_t)got;
    if (used == sizeof records) give_up("view", "too many", E2BIG);
  }
  if (close(fd) == -1) give_up("view", "close", errno);
  return used;
}

/* A file of host root is the box user's in the mounts; every other id is itself. */
static int idmap_of(const struct plan *plan) {
  char maps[2][128];
  const unsigned hosts[2] = {plan->uid.host, plan->gid.host};
  for (int i = 0; i < 2; i++) {
    const unsigned host = hosts[i];
    int length = host == 1 ? snprintf(maps[i], sizeof maps[i], "0 1 1\n2 2 %u\n", ID_COUNT - 2)
                 : host == ID_COUNT - 1
                   ? snprintf(maps[i], sizeof maps[i], "0 %u 1\n1 1 %u\n", host, host - 1)
                   : snprintf(maps[i], sizeof maps[i], "0 %u 1\n1 1 %u\n%u %u %u\n", host, host - 1, host + 1, host + 1,
                              ID_COUNT - (host + 1));
    if (length < 0 || (size_t)length >= sizeof maps[i]) give_up("idmap", "map", EOVERFLOW);
  }
  return make_user_namespace(maps[0], maps[1], false);
}

static int namespace_of(const struct plan *plan) {
  char uids[64], gids[64 + MAX_GROUPS * 32];
  const int uid_length = snprintf(uids, sizeof uids, "%u 0 1\n%u %u 1\n", plan->outside, plan->uid.inside, plan->uid.host);
  int gid_length = snprintf(gids, sizeof gids, "%u 0 1\n%u %u 1\n", plan->outside, plan->gid.inside, plan->gid.host);
  for (size_t i = 0; i < plan->group_count && gid_length > 0 && (size_t)gid_length < sizeof gids; i++) {
    const int added = snprintf(gids + gid_length, sizeof gids - (size_t)gid_length, "%u %u 1\n", plan->groups[i].inside,
                               plan->groups[i].host);
    if (added < 0) give_up("user-namespace", "map", EOVERFLOW);
    gid_length += added;
  }
  if (uid_length < 0 || (size_t)uid_length >= sizeof uids || gid_length < 0 || (size_t)gid_length >= sizeof gids)
    give_up("user-namespace", "map", EOVERFLOW);
  return make_user_namespace(uids, gids, true);
}

static void change_user(const struct plan *plan, size_t length) {
  const int idmap = idmap_of(plan);
  build_view_tree(records, length, &(struct view_owner){.uid = plan->uid.host, .gid = plan->gid.host, .idmap = idmap});
  if (close(idmap) == -1) give_up("idmap", "close", errno);
  const int userns = namespace_of(plan);
  /* It may have been given that very number, which the records have left free: then it only has to survive exec. */
  if (userns == plan->userns_fd) {
    if (fcntl(userns, F_SETFD, 0) == -1) give_up("user-namespace", "descriptor", errno);
    return;
  }
  if (dup2(userns, plan->userns_fd) == -1) give_up("user-namespace", "descriptor", errno);
  if (close(userns) == -1) give_up("user-namespace", "close", errno);
}

int main(int argc, char **argv) {
  struct plan plan;
  parse_plan(argc, argv, &plan);
  const size_t length = read_records(plan.view_fd);
  leave_mount_namespace();
  /* Directories of the tree are for another user than the one who makes them. */
  const mode_t mask = umask(022);
  if (plan.changes_user) change_user(&plan, length);
  else build_view_tree(records, length, &(struct view_owner){.uid = geteuid(), .gid = getegid(), .idmap = -1});
  (void)umask(mask);
  if (plan.check) return 0;
  execve(plan.command[0], plan.command, environ);
  give_up("exec", plan.command[0], errno);
}
