#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "step.h"

static void set_gid(gid_t gid) {
  if (setgroups(0, NULL) == -1 && errno != EPERM) fail(STEP_GROUPS, "setgroups", errno);
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
  if (uid != 0 && setresuid(0, 0, 0) == 0) fail(STEP_UID, "root could be regained", 0);
}

void drop_privileges(const struct arguments *arguments) {
  if (arguments->has_gid) set_gid(arguments->gid);
  if (arguments->has_uid) set_uid(arguments->uid);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) fail(STEP_NO_NEW_PRIVS, "prctl", errno);
}
