#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capabilities.h"
#include "keyring.h"
#include "step.h"

static void set_groups(const struct arguments *arguments) {
  gid_t groups[MAX_GROUPS];
  for (size_t i = 0; i < arguments->group_count; i++) groups[i] = arguments->groups[i];
  if (setgroups(arguments->group_count, groups) == 0) return;
  /* Nobody may grant what was asked for and could not be had. */
  if (errno != EPERM || arguments->group_count > 0) fail(STEP_GROUPS, "setgroups", errno);
}

static void set_gid(gid_t gid) {
  if (setresgid(gid, gid, gid) == -1) fail(STEP_GID, "setresgid", errno);
  gid_t real, effective, saved;
  if (getresgid(&real, &effective, &saved) == -1) fail(STEP_GID, "getresgid", errno);
  if (real != gid || effective != gid || saved != gid) fail(STEP_GID, "the group did not change", 0);
}

static void set_uid(uid_t uid) {
  if (setresuid(uid, uid, uid) == -1) fail(STEP_UID, "setresuid", errno);
  uid_t real, effective, saved;
  if (getresuid(&real, &effective, &saved) == -1) fail(STEP_UID, "getresuid", errno);
  if (real != uid || effective != uid || saved != uid) fail(STEP_UID, "the user did not change", 0);
}

/* Whoever this process was, and root, stay out of reach. */
static void check_no_way_back(uid_t former_uid, gid_t former_gid) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (uid != 0 && setresuid(0, 0, 0) == 0) fail(STEP_UID, "root could be regained", 0);
  if (uid != former_uid && setresuid(former_uid, former_uid, former_uid) == 0) fail(STEP_UID, "the former user could be regained", 0);
  if (gid != former_gid && setresgid(former_gid, former_gid, former_gid) == 0) fail(STEP_GID, "the former group could be regained", 0);
}

/*
 * Whoever made the namespace and stays around it may end every process in it, so that the command ends with what holds it, whatever user it becomes.
 * Entering gives every capability in it.
 */
static void enter_namespace(int fd) {
  if (setns(fd, CLONE_NEWUSER) == -1) fail(STEP_USER_NAMESPACE, "setns", errno);
  if (close(fd) == -1) fail(STEP_USER_NAMESPACE, "close", errno);
}

/*
 * A change of ids takes the parent-death signal away. What was to be noticed by it may have happened meanwhile: the supervisor's end of standard error is
 * closed before its children are told.
 */
static void restore_death_signal(int number) {
  if (number == 0) return;
  if (prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) == -1) fail(STEP_UID, "parent-death signal", errno);
  struct pollfd errors = {.fd = STDERR_FILENO, .events = 0};
  if (poll(&errors, 1, 0) == -1 && errno != EINTR) fail(STEP_UID, "poll", errno);
  if ((errors.revents & POLLERR) != 0) fail(STEP_UID, "nobody is there any more", 0);
}

void drop_privileges(const struct arguments *arguments) {
  int death_signal = 0;
  if (prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) == -1) fail(STEP_UID, "parent-death signal", errno);
  const uid_t former_uid = geteuid();
  const gid_t former_gid = getegid();
  /* Until exec, which decides anew by what may be read of the new program. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) fail(STEP_DUMPABLE, "prctl", errno);
  if (arguments->userns_fd != -1) enter_namespace(arguments->userns_fd);
  limit_capabilities();
  if (arguments->has_gid || arguments->group_count > 0) set_groups(arguments);
  if (arguments->has_gid) set_gid(arguments->gid);
  if (arguments->has_uid) set_uid(arguments->uid);
  clear_capabilities();
  check_no_way_back(former_uid, former_gid);
  restore_death_signal(death_signal);
  leave_keyrings();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) fail(STEP_NO_NEW_PRIVS, "prctl", errno);
}
