#ifndef BOXLITE_STEP_H
#define BOXLITE_STEP_H

/* The steps of stage B. The value is the exit status of a process whose step failed; src/stage-b-exit-statuses.ts holds the same table. */
enum step {
  STEP_ARGUMENTS = 100,
  STEP_DATA = 101,
  STEP_DESCRIPTORS = 102,
  STEP_GROUPS = 103,
  STEP_GID = 104,
  STEP_UID = 105,
  STEP_NO_NEW_PRIVS = 106,
  STEP_SECCOMP = 108,
  STEP_EXEC = 109,
  STEP_IDENTITY = 110,
  STEP_CAPABILITIES = 111,
  STEP_KEYRING = 112,
  STEP_DUMPABLE = 113,
  STEP_USER_NAMESPACE = 114
};

/* Prints "boxlite-stage-b: <step>: <what>: <error>" and ends the process with the step's status. error 0: none is printed. */
_Noreturn void fail(enum step step, const char *what, int error);

/* Prints "boxlite-stage-b: <step>: <what>" and carries on. */
void report(enum step step, const char *what);

#endif
