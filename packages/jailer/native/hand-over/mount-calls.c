#include "mount-calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* asm-generic/unistd.h; the same on every architecture. */
enum {
  CALL_OPEN_TREE = 428,
  CALL_MOVE_MOUNT = 429,
  CALL_FSOPEN = 430,
  CALL_FSCONFIG = 431,
  CALL_FSMOUNT = 432,
  CALL_MOUNT_SETATTR = 442,
};

/* linux/mount.h */
#define TREE_CLONE 1U
#define RECURSIVE 0x8000U
#define MOVE_FROM_EMPTY_PATH 0x00000004U
#define MOVE_TO_EMPTY_PATH 0x00000040U
#define FSOPEN_CLOSED_BY_EXEC 1U
#define FSMOUNT_CLOSED_BY_EXEC 1U
enum { CONFIG_SET_STRING = 1, CONFIG_CREATE = 6 };

int clone_mounts(int found) {
  return (int)syscall(CALL_OPEN_TREE, found, "", TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | RECURSIVE);
}

int set_mount_attributes(int mount, bool recursive, const struct mount_attributes *attributes) {
  const unsigned flags = AT_EMPTY_PATH | (recursive ? RECURSIVE : 0);
  return (int)syscall(CALL_MOUNT_SETATTR, mount, "", flags, attributes, sizeof *attributes);
}

int move_mount_to(int mount, int target) {
  return (int)syscall(CALL_MOVE_MOUNT, mount, "", target, "", MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH);
}

int open_file_system(const char *type) { return (int)syscall(CALL_FSOPEN, type, FSOPEN_CLOSED_BY_EXEC); }

int configure_file_system(int context, const char *key, const char *value) {
  return (int)syscall(CALL_FSCONFIG, context, CONFIG_SET_STRING, key, value, 0);
}

int mount_file_system(int context, uint64_t attributes) {
  if (syscall(CALL_FSCONFIG, context, CONFIG_CREATE, NULL, NULL, 0) == -1) return -1;
  return (int)syscall(CALL_FSMOUNT, context, FSMOUNT_CLOSED_BY_EXEC, (unsigned)attributes);
}
