#include "record.h"

#include <errno.h>
#include <string.h>

#include "step.h"

/* A decimal number that a colon ends; steps over the colon. */
static uint64_t read_number(const char **text) {
  uint64_t value = 0;
  const char *next = *text;
  for (; *next >= '0' && *next <= '9'; next++) {
    const uint64_t digit = (uint64_t)(*next - '0');
    if (value > (UINT64_MAX - digit) / 10) fail(STEP_DATA, "a number is too large", EOVERFLOW);
    value = value * 10 + digit;
  }
  if (next == *text || *next != ':') fail(STEP_DATA, "a rule is neither a path nor an identity", EINVAL);
  *text = next + 1;
  return value;
}

size_t read_record(const char *text, size_t length, struct record *into) {
  const char *end = memchr(text, '\0', length);
  if (end == NULL) fail(STEP_DATA, "the last rule has no end", EINVAL);
  if (end == text) fail(STEP_DATA, "an empty rule", EINVAL);
  *into = (struct record){.letter = text[0], .path = text + 1};
  if (into->path[0] != '/') {
    into->has_identity = true;
    into->device = read_number(&into->path);
    into->inode = read_number(&into->path);
  }
  if (into->path[0] != '/') fail(STEP_DATA, "a rule without an absolute path", EINVAL);
  return (size_t)(end - text) + 1;
}
