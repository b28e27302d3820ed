#include "restrict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "record.h"
#include "step.h"

/* What applies to a file that is not a directory. */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

long landlock_version(void) {
  const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
  return version == -1 ? -errno : version;
}

static uint64_t handled_by(unsigned version) {
  uint64_t handled = FS_VERSION_1;
  if (version >= 2) handled |= FS_REFER;
  if (version >= 3) handled |= FS_TRUNCATE;
  if (version >= 5) handled |= FS_IOCTL_DEV;
  return handled;
}

static uint64_t access_of(char letter, const char *path) {
  switch (letter) {
  case 'r': return FS_READ_FILE | FS_READ_DIR;
  case 'x': return FS_READ_FILE | FS_READ_DIR | FS_EXECUTE;
  /* A device node made or found in a directory would be as good as the device. */
  case 'w': return ~(FS_EXECUTE | FS_IOCTL_DEV | FS_MAKE_CHAR | FS_MAKE_BLOCK);
  case 'd': return FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
  default: fail(STEP_DATA, path, EINVAL);
  }
}

static void add_rule(int ruleset, uint64_t handled, const struct record *record) {
  const char *path = record->path;
  const uint64_t wanted = access_of(record->letter, path);
  const int fd = open(path, O_PATH | O_CLOEXEC | (record->has_identity ? O_NOFOLLOW : 0));
  if (fd == -1) {
    if (record->has_identity) fail(STEP_IDENTITY, path, errno);
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return; /* nothing there to allow */
    fail(STEP_LANDLOCK, path, errno);
  }
  struct stat found;
  if (fstat(fd, &found) == -1) fail(STEP_LANDLOCK, path, errno);
  if (record->has_identity && (found.st_dev != record->device || found.st_ino != record->inode)) fail(STEP_IDENTITY, path, ESTALE);
  const uint64_t applicable = S_ISDIR(found.st_mode) ? handled : handled & FS_OF_FILES;
  const struct path_beneath_attr rule = {.allowed_access = wanted & applicable, .parent_fd = fd};
  if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == -1) fail(STEP_LANDLOCK, path, errno);
  if (close(fd) == -1) fail(STEP_LANDLOCK, path, errno);
}

/* Denials of what this process becomes are for the audit log if asked for; those of sandboxes the command makes itself would only fill it. */
static uint32_t flags_of(unsigned version, bool audit) {
  if (version < 7) return 0;
  return RESTRICT_LOG_SUBDOMAINS_OFF | (audit ? RESTRICT_LOG_NEW_EXEC_ON : 0);
}

void restrict_self(const char *rules, size_t length, struct restriction restriction) {
  const long found = landlock_version();
  if (found < 1) fail(STEP_LANDLOCK, "version", found == 0 ? EINVAL : (int)-found);
  unsigned version = (unsigned long)found > NEWEST_KNOWN_VERSION ? NEWEST_KNOWN_VERSION : (unsigned)found;
  if (version > restriction.at_most) version = restriction.at_most;
  const struct ruleset_attr attr = {
    .handled_access_fs = handled_by(version),
    .handled_access_net = restriction.no_tcp && version >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
    .scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0,
  };
  /* The size says which members this program knows: a kernel that knows fewer refuses bytes beyond that are not zero, and these are. */
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
  if (ruleset == -1) fail(STEP_LANDLOCK, "create", errno);
  for (size_t at = 0; at < length;) {
    struct record record;
    at += read_record(rules + at, length - at, &record);
    add_rule((int)ruleset, attr.handled_access_fs, &record);
  }
  if (syscall(SYS_landlock_restrict_self, (int)ruleset, flags_of(version, restriction.audit)) == -1) fail(STEP_LANDLOCK, "restrict", errno);
  if (close((int)ruleset) == -1) fail(STEP_LANDLOCK, "close", errno);
}
