#include "namespaces.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "give-up.h"
#include "write-file.h"

/* The only mapping that takes no privilege: one's own id, under its own number. */
static void keep_id(const char *map, unsigned id) {
  char line[64];
  const int length = snprintf(line, sizeof line, "%u %u 1\n", id, id);
  if (length < 0 || (size_t)length >= sizeof line) give_up("mounts", map, EOVERFLOW);
  if (!write_file(map, line)) give_up("mounts", map, errno);
}

void leave_mount_namespace(void) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == -1) give_up("mounts", "unshare", errno);
  if (uid != 0) {
    /* user_namespaces(7): without it nobody may map a group. */
    if (!write_file("/proc/self/setgroups", "deny")) give_up("mounts", "setgroups", errno);
    keep_id("/proc/self/gid_map", gid);
    keep_id("/proc/self/uid_map", uid);
  }
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1) give_up("mounts", "propagation", errno);
}
