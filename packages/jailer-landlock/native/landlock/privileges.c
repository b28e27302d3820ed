#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/capability.h */
enum { CAPABILITY_VERSION_3 = 0x20080522, HIGHEST_CAPABILITY = 63 };

struct capability_header {
  uint32_t version;
  int pid;
};

struct capability_data {
  uint32_t effective, permitted, inheritable;
};

static void set_ids(const struct arguments *arguments) {
  if ((arguments->has_gid || arguments->has_uid) && setgroups(0, NULL) == -1 && errno != EPERM) fail(STEP_GROUPS, "setgroups", errno);
  if (arguments->has_gid) {
    const gid_t gid = arguments->gid;
    if (setresgid(gid, gid, gid) == -1) fail(STEP_GID, "setresgid", errno);
  }
  if (arguments->has_uid) {
    const uid_t uid = arguments->uid;
    if (setresuid(uid, uid, uid) == -1) fail(STEP_UID, "setresuid", errno);
    if (uid != 0 && setresuid(0, 0, 0) == 0) fail(STEP_UID, "root could be regained", 0);
  }
}

/* Before the ids change, while it is permitted: root that executes a program would get back what is in this set. */
static void empty_bounding_set(void) {
  for (unsigned long capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return; /* the kernel knows no more */
    if (errno == EPERM && geteuid() != 0) return; /* no capability to give up, and no_new_privs keeps it so */
    fail(STEP_CAPABILITIES, "bounding set", errno);
  }
}

static void clear_capabilities(void) {
  struct capability_header header = {.version = CAPABILITY_VERSION_3};
  const struct capability_data none[2] = {{0}, {0}};
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1) fail(STEP_CAPABILITIES, "ambient set", errno);
  if (syscall(SYS_capset, &header, none) == -1) fail(STEP_CAPABILITIES, "capset", errno);
}

void drop_privileges(const struct arguments *arguments) {
  if (arguments->drop_capabilities) empty_bounding_set();
  set_ids(arguments);
  if (arguments->drop_capabilities) clear_capabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) fail(STEP_NO_NEW_PRIVS, "prctl", errno);
}
