#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "step.h"

/* Reads a decimal number that a colon ends, and steps over the colon. */
static uint64_t read_number(const char **text) {
  uint64_t value = 0;
  const char *next = *text;
  for (; *next >= '0' && *next <= '9'; next++) {
    const uint64_t digit = (uint64_t)(*next - '0');
    if (value > (UINT64_MAX - digit) / 10) fail(STEP_DATA, "identities", EOVERFLOW);
    value = value * 10 + digit;
  }
  if (next == *text || *next != ':') fail(STEP_DATA, "identities", EINVAL);
  *text = next + 1;
  return value;
}

static void check_identity(const char *record) {
  const char *path = record;
  const uint64_t device = read_number(&path);
  const uint64_t inode = read_number(&path);
  if (path[0] != '/') fail(STEP_DATA, "identities", EINVAL);
  const int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd == -1) fail(STEP_IDENTITY, path, errno);
  struct stat found;
  if (fstat(fd, &found) == -1) fail(STEP_IDENTITY, path, errno);
  if (found.st_dev != device || found.st_ino != inode) fail(STEP_IDENTITY, path, ESTALE);
  if (close(fd) == -1) fail(STEP_IDENTITY, path, errno);
}

void check_identities(const char *records, size_t length) {
  if (length > 0 && records[length - 1] != '\0') fail(STEP_DATA, "identities", EINVAL);
  for (size_t at = 0; at < length; at += strlen(records + at) + 1) check_identity(records + at);
}
