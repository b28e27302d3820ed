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
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
  return make_user_namespace(-1, maps[0], maps[1], false);
}

/* One line of a map for each user or group; as they are on the host, or as they are in the namespace around. */
static void add_line(char *map, size_t capacity, unsigned inside, unsigned outside) {
  const size_t used = strlen(map);
  const int added = snprintf(map + used, capacity - used, "%u %u 1\n", inside, outside);
  if (added < 0 || (size_t)added >= capacity - used) give_up("user-namespace", "map", EOVERFLOW);
}

static int namespace_of(const struct plan *plan, int within) {
  char uids[128] = "", gids[128 + MAX_GROUPS * 32] = "";
  const bool is_inner = within != -1;
  add_line(uids, sizeof uids, plan->outside, is_inner ? plan->outside : 0);
  add_line(uids, sizeof uids, plan->uid.inside, is_inner ? plan->uid.inside : plan->uid.host);
  add_line(gids, sizeof gids, plan->outside, is_inner ? plan->outside : 0);
  add_line(gids, sizeof gids, plan->gid.inside, is_inner ? plan->gid.inside : plan->gid.host);
  for (size_t i = 0; i < plan->group_count; i++) {
    const struct mapped_id group = plan->groups[i];
    add_line(gids, sizeof gids, group.inside, is_inner ? group.inside : group.host);
  }
  return make_user_namespace(within, uids, gids, is_inner);
}

/* Leaves a descriptor on a number, open across exec. It may have that very number, which the records have left free. */
static void leave_on(int fd, int number) {
  if (fd == number) {
    if (fcntl(fd, F_SETFD, 0) == -1) give_up("user-namespace", "descriptor", errno);
    return;
  }
  if (dup2(fd, number) == -1) give_up("user-namespace", "descriptor", errno);
  if (close(fd) == -1) give_up("user-namespace", "close", errno);
}

static void change_user(const struct plan *plan, size_t length) {
  const int idmap = idmap_of(plan);
  build_view_tree(records, length, &(struct view_owner){.uid = plan->uid.host, .gid = plan->gid.host, .idmap = idmap});
  if (close(idmap) == -1) give_up("idmap", "close", errno);
  const int userns = namespace_of(plan, -1);
  const int inner = namespace_of(plan, userns);
  /* The outer one may lie where the inner one is wanted; the other way round the order takes care of it. */
  const int outer = userns == plan->inner_fd ? fcntl(userns, F_DUPFD_CLOEXEC, plan->inner_fd + 1) : userns;
  if (outer == -1) give_up("user-namespace", "descriptor", errno);
  leave_on(inner, plan->inner_fd);
  leave_on(outer, plan->userns_fd);
}

/* Before the tree lies over a directory in which the program may be: its name means something else then. */
static int open_program(const char *path) {
  const int program = open(path, O_PATH | O_CLOEXEC);
  if (program == -1) give_up("exec", path, errno);
  return program;
}

static bool is_still(int program, const char *path) {
  struct stat opened, named;
  if (fstat(program, &opened) == -1) give_up("exec", path, errno);
  return stat(path, &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int main(int argc, char **argv) {
  struct plan plan;
  parse_plan(argc, argv, &plan);
  const int program = plan.check ? -1 : open_program(plan.command[0]);
  const size_t length = read_records(plan.view_fd);
  leave_mount_namespace();
  /* Directories of the tree are for another user than the one who makes them. */
  const mode_t mask = umask(022);
  if (plan.changes_user) change_user(&plan, length);
  else build_view_tree(records, length, &(struct view_owner){.uid = geteuid(), .gid = getegid(), .idmap = -1});
  (void)umask(mask);
  if (plan.check) return 0;
  /* By its name where that is possible: a script could not be found by a descriptor that exec closes. */
  if (is_still(program, plan.command[0])) execve(plan.command[0], plan.command, environ);
  else syscall(SYS_execveat, program, "", plan.command, environ, AT_EMPTY_PATH);
  give_up("exec", plan.command[0], errno);
}
