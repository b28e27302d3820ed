/*
 * Applies Landlock to itself and becomes a command. Alone it also gives up what a sandbox outside would have taken: capabilities, ids, sockets.
 * Every step that fails ends the process with the step's name on stderr and a status of its own (step.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "privileges.h"
#include "restrict.h"
#include "socket-filter.h"
#include "step.h"

extern char **environ;

static char rules[MAX_RULES_BYTES];

/* Reads a descriptor from its start to its end and closes it. */
static size_t read_rules(int fd) {
  /* A pipe refuses with ESPIPE and is at its start anyway. */
  if (lseek(fd, 0, SEEK_SET) == -1 && errno != ESPIPE) fail(STEP_DATA, "rules", errno);
  size_t used = 0;
  for (;;) {
    const ssize_t count = read(fd, rules + used, sizeof rules - used);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) fail(STEP_DATA, "rules", errno);
    if (count == 0) break;
    used += (size_t)count;
    if (used == sizeof rules) fail(STEP_DATA, "rules", E2BIG);
  }
  if (close(fd) == -1) fail(STEP_DATA, "rules", errno);
  return used;
}

/* A number, or the name of the error. */
static int print_version(void) {
  const long version = landlock_version();
  const int printed = version >= 0          ? printf("%ld\n", version)
                      : version == -ENOSYS  ? printf("absent\n")
                      : version == -EOPNOTSUPP ? printf("disabled\n")
                                            : printf("%s\n", strerror((int)-version));
  return printed < 0 || fflush(stdout) != 0 ? 1 : 0;
}

int main(int argc, char **argv) {
  struct arguments arguments;
  parse_arguments(argc, argv, &arguments);
  if (arguments.version_of_kernel) return print_version();

  const size_t length = read_rules(arguments.rules_fd);
  drop_privileges(&arguments);
  restrict_self(rules, length, (struct restriction){.at_most = arguments.at_most, .no_tcp = arguments.no_tcp, .audit = arguments.audit});
  if (arguments.unix_sockets_only) allow_unix_sockets_only();

  execve(arguments.command[0], arguments.command, environ);
  fail(STEP_EXEC, arguments.command[0], errno);
}
