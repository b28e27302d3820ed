#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/landlock.h, written out: installed headers are often older than the running kernel. */
enum { RULE_PATH_BENEATH = 1, CREATE_RULESET_VERSION = 1 };

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REFER (1ULL << 13)    /* version 2 */
#define FS_TRUNCATE (1ULL << 14) /* version 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* version 5 */
#define FS_VERSION_1 ((1ULL << 13) - 1)
#define NET_BIND_TCP (1ULL << 0) /* version 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

/* What applies to a file that is not a directory. */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attr {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

struct path_beneath_attr {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

static uint64_t handled_by(long version) {
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
  case 'w': return ~FS_EXECUTE;
  default: fail(STEP_LANDLOCK, path, EINVAL);
  }
}

static void add_rule(int ruleset, uint64_t handled, char letter, const char *path) {
  const uint64_t wanted = access_of(letter, path);
  if (path[0] != '/') fail(STEP_LANDLOCK, path, EINVAL);
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd == -1) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return; /* nothing there to allow */
    fail(STEP_LANDLOCK, path, errno);
  }
  struct stat found;
  if (fstat(fd, &found) == -1) fail(STEP_LANDLOCK, path, errno);
  const uint64_t applicable = S_ISDIR(found.st_mode) ? handled : handled & FS_OF_FILES;
  const struct path_beneath_attr rule = {.allowed_access = wanted & applicable, .parent_fd = fd};
  if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == -1) fail(STEP_LANDLOCK, path, errno);
  if (close(fd) == -1) fail(STEP_LANDLOCK, path, errno);
}

void restrict_paths(const char *rules, size_t length, bool no_tcp) {
  if (length > 0 && rules[length - 1] != '\0') fail(STEP_LANDLOCK, "the last rule has no end", EINVAL);
  const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
  if (version == -1) {
    if (errno != ENOSYS && errno != EOPNOTSUPP) fail(STEP_LANDLOCK, "version", errno);
    report(STEP_LANDLOCK, errno == ENOSYS ? "skipped: this kernel has none" : "skipped: disabled when this kernel was booted");
    return;
  }
  if (no_tcp && version < 4) report(STEP_LANDLOCK, "cannot deny TCP: needs Landlock version 4 (Linux 6.7)");
  const struct ruleset_attr attr = {
    .handled_access_fs = handled_by(version),
    .handled_access_net = no_tcp && version >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
    .scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0,
  };
  /* The size says which members this kernel knows: it refuses non-zero bytes beyond, never zero ones. */
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
  if (ruleset == -1) fail(STEP_LANDLOCK, "create", errno);
  size_t at = 0;
  while (at < length) {
    const char *record = rules + at;
    const size_t size = strlen(record);
    if (size < 2) fail(STEP_LANDLOCK, "an empty rule", EINVAL);
    add_rule((int)ruleset, attr.handled_access_fs, record[0], record + 1);
    at += size + 1;
  }
  if (syscall(SYS_landlock_restrict_self, (int)ruleset, 0) == -1) fail(STEP_LANDLOCK, "restrict", errno);
  if (close((int)ruleset) == -1) fail(STEP_LANDLOCK, "close", errno);
}
