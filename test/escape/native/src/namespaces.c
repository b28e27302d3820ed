/* New namespaces, in which a process has all capabilities, and those of other processes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void unshares(int flags) {
  if (unshare(flags) == -1) refused(errno);
  escaped("made");
}

_Noreturn static void user(void) { unshares(CLONE_NEWUSER); }
_Noreturn static void mounts(void) { unshares(CLONE_NEWNS); }
_Noreturn static void network(void) { unshares(CLONE_NEWNET); }

/* With a user namespace any user gets the capabilities of the others: here, a mount. */
_Noreturn static void user_and_mounts(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) refused(errno);
  if (mount("none", parameter("writable-dir"), "tmpfs", 0, NULL) == -1) refused(errno);
  escaped("mounted in its own namespaces");
}

_Noreturn static void by_clone(void) {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

  if (child == -1) refused(errno);
  if (child == 0) _exit(0);
  (void)waitpid((pid_t)child, NULL, 0);
  escaped("made");
}

/* Its flags lie in memory, where no filter looks. */
_Noreturn static void by_clone3(void) {
  struct clone_args settings;

  memset(&settings, 0, sizeof settings);
  settings.flags = CLONE_NEWUSER;
  settings.exit_signal = SIGCHLD;
  const long child = syscall(SYS_clone3, &settings, sizeof settings);
  if (child == -1) refused(errno);
  if (child == 0) _exit(0);
  (void)waitpid((pid_t)child, NULL, 0);
  escaped("made");
}

/* Into the namespace of the victim, by its file and by its pidfd. */
_Noreturn static void join_by_file(void) {
  char path[64];

  snprintf(path, sizeof path, "/proc/%ld/ns/uts", number("victim"));
  const int fd = open(path, O_RDONLY);
  if (fd == -1) refused(errno);
  if (setns(fd, CLONE_NEWUTS) == -1) refused(errno);
  escaped("joined");
}

_Noreturn static void join_by_pidfd(void) {
  const int fd = (int)syscall(SYS_pidfd_open, (pid_t)number("victim"), 0);

  if (fd == -1) refused(errno);
  if (setns(fd, CLONE_NEWUTS) == -1) refused(errno);
  escaped("joined");
}

const struct attempt namespace_attempts[] = {
  {"unshare-user", user},
  {"unshare-mounts", mounts},
  {"unshare-network", network},
  {"unshare-user-and-mount", user_and_mounts},
  {"clone-user-namespace", by_clone},
  {"clone3-user-namespace", by_clone3},
  {"setns-by-file", join_by_file},
  {"setns-by-pidfd", join_by_pidfd},
  {NULL, NULL},
};
