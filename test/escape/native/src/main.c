/*
 * The hostile program: it takes the VMM's place in the jail and tries to get out.
 *
 *   hostile [--fork] [--running-filter] [KEY=VALUE]... ATTEMPT...
 *
 * With --fork each attempt is a process of its own, so that one that is killed does not end the others; without, the one attempt named is this
 * process, which is what a system call filter without fork leaves. With --running-filter it first does what libkrun's shim does before its machine
 * runs, so that it stands where a guest of libkrun breaks in. The words "ran" and "ids" alone are what `execute` runs to see that it can.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "running-filter.h"
#include "verdict.h"

/* One that hangs is ended, and says nothing of the jail. */
enum { ATTEMPT_SECONDS = 25 };

static char **words;

static const struct attempt *const tables[] = {
  read_attempts,    write_attempts,   link_attempts,      execute_attempts, process_attempts,  process_file_attempts,
  socket_attempts,  network_attempts, packet_attempts,    kernel_attempts,  machine_attempts,  namespace_attempts,
  mount_attempts,   device_attempts,  privilege_attempts, resource_attempts, descriptor_attempts, linger_attempts,
};

const char *parameter(const char *key) {
  const size_t length = strlen(key);

  for (char **word = words; *word != NULL; word++)
    if (strncmp(*word, key, length) == 0 && (*word)[length] == '=') return *word + length + 1;
  impossible("the harness gave no such parameter");
}

long number(const char *key) { return strtol(parameter(key), NULL, 10); }

static const struct attempt *find(const char *name) {
  for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
    for (const struct attempt *attempt = tables[table]; attempt->name != NULL; attempt++)
      if (strcmp(attempt->name, name) == 0) return attempt;
  return NULL;
}

_Noreturn static void run(const struct attempt *attempt) {
  verdict_of(attempt->name);
  attempt->run();
  _exit(6);
}

static void run_in_child(const struct attempt *attempt) {
  int status;
  const pid_t child = fork();

  if (child == -1) {
    tell(attempt->name, "refused", "fork");
    return;
  }
  if (child == 0) {
    (void)alarm(ATTEMPT_SECONDS);
    run(attempt);
  }
  while (waitpid(child, &status, 0) == -1)
    if (errno != EINTR) _exit(5);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    tell(attempt->name, "impossible", "not within the time");
  } else if (WIFSIGNALED(status)) {
    char detail[32];

    snprintf(detail, sizeof detail, "signal %d", WTERMSIG(status));
    tell(attempt->name, "refused", detail);
  }
}

static void list(void) {
  for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
    for (const struct attempt *attempt = tables[table]; attempt->name != NULL; attempt++) puts(attempt->name);
}

int main(int argc, char **argv) {
  int in_children = 0;

  words = argv;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list();
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "ran") == 0) return 77;
  if (argc == 2 && strcmp(argv[1], "ids") == 0) return geteuid() == 0 ? 77 : 0;
  for (int at = 1; at < argc; at++) {
    if (strcmp(argv[at], "--fork") == 0) in_children = 1;
    if (strcmp(argv[at], "--running-filter") == 0) running_filter_install();
    if (argv[at][0] == '-' || strchr(argv[at], '=') != NULL) continue;
    const struct attempt *attempt = find(argv[at]);
    if (attempt == NULL) {
      tell(argv[at], "unknown", "");
      return 2;
    }
    if (in_children) run_in_child(attempt);
    else run(attempt);
  }
  return 0;
}
