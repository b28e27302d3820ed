/*
 * Stage B: runs inside the view a sandbox has built, gives up what is left to give up, and becomes the command.
 * Every step that fails ends the process with the step's name on stderr and a status of its own (step.h).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "descriptors.h"
#include "identity.h"
#include "privileges.h"
#include "seccomp.h"
#include "step.h"

extern char **environ;

static char identities[MAX_IDENTITY_BYTES];
static uint64_t filter[MAX_SECCOMP_INSTRUCTIONS];

int main(int argc, char **argv) {
  struct arguments arguments;
  parse_arguments(argc, argv, &arguments);

  size_t filter_bytes = 0;
  size_t identities_length = 0;
  if (arguments.seccomp_fd != -1) filter_bytes = read_all(arguments.seccomp_fd, filter, sizeof filter, "seccomp program");
  if (arguments.identity_fd != -1) identities_length = read_all(arguments.identity_fd, identities, sizeof identities, "identities");
  for (size_t i = 0; i < arguments.unset_count; i++) {
    if (unsetenv(arguments.unset[i]) == -1) fail(STEP_ARGUMENTS, arguments.unset[i], errno);
  }
  close_strays(&arguments);
  check_identities(identities, identities_length);

  drop_privileges(&arguments);
  if (arguments.seccomp_fd != -1) install_filter(filter, filter_bytes, arguments.notify_fd);

  execve(arguments.command[0], arguments.command, environ);
  fail(STEP_EXEC, arguments.command[0], errno);
}
