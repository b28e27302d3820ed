#include "step.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *name_of(enum step step) {
  switch (step) {
  case STEP_ARGUMENTS: return "arguments";
  case STEP_DATA: return "data";
  case STEP_GROUPS: return "groups";
  case STEP_GID: return "gid";
  case STEP_UID: return "uid";
  case STEP_NO_NEW_PRIVS: return "no_new_privs";
  case STEP_LANDLOCK: return "landlock";
  case STEP_SECCOMP: return "seccomp";
  case STEP_EXEC: return "exec";
  case STEP_IDENTITY: return "identity";
  case STEP_CAPABILITIES: return "capabilities";
  }
  return "unknown";
}

void fail(enum step step, const char *what, int error) {
  char line[1024];
  const int length = snprintf(line, sizeof line, "boxlite-landlock: %s: %s%s%s\n", name_of(step), what,
                              error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
  size_t count = length < 0 ? 0 : (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
  for (const char *next = line; count > 0;) {
    const ssize_t written = write(STDERR_FILENO, next, count);
    if (written <= 0) break; /* nobody reads; the exit status still tells */
    next += written;
    count -= (size_t)written;
  }
  _exit((int)step);
}
