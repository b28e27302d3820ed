/* Rights the process does not have, or gave up. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempt.h"
#include "verdict.h"

enum { LOOKED_AT_MS = 400 };

/* Who it is now is judged outside, by what the host's /proc says of it: within a user namespace of its own it may be called root. */
static void be_looked_at(const char *name) {
  struct pollfd nothing = {.fd = -1};

  tell(name, "waiting", "");
  (void)poll(&nothing, 1, LOOKED_AT_MS);
}

_Noreturn static void become_root(void) {
  if (setresuid(0, 0, 0) == -1) refused(errno);
  be_looked_at("become-root");
  escaped("root");
}

_Noreturn static void become_group(void) {
  if (setresgid(0, 0, 0) == -1) refused(errno);
  be_looked_at("become-group-0");
  escaped("group 0");
}

_Noreturn static void add_groups(void) {
  const gid_t groups[] = {0, 4, 6};

  if (setgroups(3, groups) == -1) refused(errno);
  escaped("groups");
}

_Noreturn static void take_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];

  memset(data, 0, sizeof data);
  data[0].effective = data[0].permitted = 1U << CAP_DAC_OVERRIDE;
  if (syscall(SYS_capset, &header, data) == -1) refused(errno);
  escaped("a capability");
}

/* Capabilities that a set-user-id or root exec would still give. */
_Noreturn static void keep_bounding_set(void) {
  for (int capability = 0; capability < 64; capability++) {
    const int found = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

    if (found == 1) escaped("the bounding set is not empty");
    if (found == -1 && errno != EINVAL) refused(errno);
  }
  refused_because("the bounding set is empty");
}

_Noreturn static void gain_by_exec(void) {
  const int found = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

  if (found == -1) refused(errno);
  if (found == 1) refused_because("no_new_privs is on and stays on");
  escaped("exec may give privileges");
}

/* A limit that was lowered is raised again, one that nothing here depends on. */
_Noreturn static void raise_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_MSGQUEUE, &limit) == -1) refused(errno);
  limit.rlim_cur = limit.rlim_max = limit.rlim_max / 2;
  if (setrlimit(RLIMIT_MSGQUEUE, &limit) == -1) refused(errno);
  limit.rlim_max += 1;
  if (setrlimit(RLIMIT_MSGQUEUE, &limit) == -1) refused(errno);
  escaped("raised");
}

_Noreturn static void raise_priority(void) {
  errno = 0;
  if (setpriority(PRIO_PROCESS, 0, -10) == -1) refused(errno);
  escaped("raised");
}

_Noreturn static void real_time(void) {
  const struct sched_param settings = {.sched_priority = 1};

  if (syscall(SYS_sched_setscheduler, 0, 1 /* SCHED_FIFO */, &settings) == -1) refused(errno);
  escaped("real time");
}

const struct attempt privilege_attempts[] = {
  {"become-root", become_root},
  {"become-group-0", become_group},
  {"add-groups", add_groups},
  {"take-capability", take_capabilities},
  {"bounding-set", keep_bounding_set},
  {"gain-by-exec", gain_by_exec},
  {"raise-limit", raise_limit},
  {"raise-priority", raise_priority},
  {"real-time", real_time},
  {NULL, NULL},
};
