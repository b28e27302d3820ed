#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name_of(enum step step) {
  switch (step) {
  case STEP_ARGUMENTS: return "arguments";
  case STEP_DATA: return "data";
  case STEP_DESCRIPTORS: return "descriptors";
  case STEP_GROUPS: return "groups";
  case STEP_GID: return "gid";
  case STEP_UID: return "uid";
  case STEP_NO_NEW_PRIVS: return "no_new_privs";
  case STEP_SECCOMP: return "seccomp";
  case STEP_EXEC: return "exec";
  case STEP_IDENTITY: return "identity";
  case STEP_CAPABILITIES: return "capabilities";
  case STEP_KEYRING: return "keyring";
  case STEP_DUMPABLE: return "dumpable";
  case STEP_USER_NAMESPACE: return "user_namespace";
  }
  return "unknown";
}

static void print(enum step step, const char *what, const char *reason) {
  char line[1024];
  const int length = snprintf(line, sizeof line, "boxlite-stage-b: %s: %s%s%s\n", name_of(step), what,
                              reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
  if (length < 0) return;
  size_t count = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
  const char *next = line;
  while (count > 0) {
    const ssize_t written = write(STDERR_FILENO, next, count);
    if (written <= 0) return; /* nobody reads; the exit status still tells */
    next += written;
    count -= (size_t)written;
  }
}

void fail(enum step step, const char *what, int error) {
  print(step, what, error == 0 ? NULL : strerror(error));
  _exit((int)step);
}

void report(enum step step, const char *what) { print(step, what, NULL); }
