#include "user-namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "give-up.h"
#include "write-file.h"

#define STEP "user-namespace"

/* How the first process of the namespace says where it failed: its exit status. */
enum { CHILD_DONE = 0, CHILD_UNSHARE = 1, CHILD_SEAL = 2, CHILD_LOST = 3 };

/* Lives until the maps are written, or its parent is gone. */
static _Noreturn void first_process(int within, int ready, int go, bool sealed) {
  char byte = 'r';
  if (within != -1 && setns(within, CLONE_NEWUSER) == -1) _exit(CHILD_UNSHARE);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1) _exit(CHILD_LOST);
  if (unshare(CLONE_NEWUSER) == -1) _exit(CHILD_UNSHARE);
  if (write(ready, &byte, 1) != 1) _exit(CHILD_LOST);
  if (read(go, &byte, 1) != 1) _exit(CHILD_LOST);
  /* The limit counts for whoever is in this namespace, and only its own owner could raise it. */
  if (sealed && !write_file("/proc/sys/user/max_user_namespaces", "0")) _exit(CHILD_SEAL);
  _exit(CHILD_DONE);
}

static void write_map(pid_t child, const char *name, const char *map) {
  char path[64];
  const int length = snprintf(path, sizeof path, "/proc/%ld/%s", (long)child, name);
  if (length < 0 || (size_t)length >= sizeof path) give_up(STEP, name, EOVERFLOW);
  if (!write_file(path, map)) give_up(STEP, name, errno);
}

/* The kernel takes maps from within the namespace around the new one alone. */
static void write_maps(pid_t child, int within, const char *uid_map, const char *gid_map) {
  if (within != -1 && setns(within, CLONE_NEWUSER) == -1) give_up(STEP, "enter", errno);
  write_map(child, "gid_map", gid_map);
  write_map(child, "uid_map", uid_map);
}

static int reap(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) == -1) {
    if (errno != EINTR) give_up(STEP, "wait", errno);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_LOST;
}

/* By a child: nobody leaves a user namespace again. */
static void write_maps_within(pid_t child, int within, const char *uid_map, const char *gid_map) {
  const pid_t writer = fork();
  if (writer == -1) give_up(STEP, "fork", errno);
  if (writer == 0) {
    write_maps(child, within, uid_map, gid_map);
    _exit(CHILD_DONE);
  }
  if (reap(writer) != CHILD_DONE) _exit(EXIT_NOT_HANDED_OVER); /* it has said why */
}

static int open_namespace(pid_t child) {
  char path[64];
  const int length = snprintf(path, sizeof path, "/proc/%ld/ns/user", (long)child);
  if (length < 0 || (size_t)length >= sizeof path) give_up(STEP, "path", EOVERFLOW);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1) give_up(STEP, "open", errno);
  return fd;
}

int make_user_namespace(int within, const char *uid_map, const char *gid_map, bool sealed) {
  int ready[2], go[2];
  char byte = 'g';
  if (pipe2(ready, O_CLOEXEC) == -1 || pipe2(go, O_CLOEXEC) == -1) give_up(STEP, "pipe", errno);
  const pid_t child = fork();
  if (child == -1) give_up(STEP, "fork", errno);
  if (child == 0) {
    if (close(ready[0]) == -1 || close(go[1]) == -1) _exit(CHILD_LOST);
    first_process(within, ready[1], go[0], sealed);
  }
  if (close(ready[1]) == -1 || close(go[0]) == -1) give_up(STEP, "close", errno);
  if (read(ready[0], &byte, 1) != 1)
    give_up(STEP, reap(child) == CHILD_UNSHARE ? "cannot be made (see /proc/sys/user/max_user_namespaces)" : "was lost", 0);
  if (within == -1) write_maps(child, within, uid_map, gid_map);
  else write_maps_within(child, within, uid_map, gid_map);
  const int fd = open_namespace(child);
  if (write(go[1], &byte, 1) != 1) give_up(STEP, "release", errno);
  if (close(ready[0]) == -1 || close(go[1]) == -1) give_up(STEP, "close", errno);
  const int how = reap(child);
  if (how != CHILD_DONE) give_up(STEP, how == CHILD_SEAL ? "cannot be sealed" : "was lost", 0);
  return fd;
}
