#include "arguments.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "step.h"

/* An unsigned decimal number within bounds. */
static unsigned parse_number(const char *option, const char *text, unsigned lowest, unsigned highest) {
  unsigned long long value = 0;
  const size_t length = strlen(text);
  if (length == 0 || length > 10 || (length > 1 && text[0] == '0')) fail(STEP_ARGUMENTS, option, 0);
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') fail(STEP_ARGUMENTS, option, 0);
    value = value * 10 + (unsigned long long)(text[i] - '0');
  }
  if (value < lowest || value > highest) fail(STEP_ARGUMENTS, option, 0);
  return (unsigned)value;
}

/* The switch an option without a value sets, or NULL. */
static bool *switch_of(const char *option, struct arguments *into) {
  if (strcmp(option, "--no-tcp") == 0) return &into->no_tcp;
  if (strcmp(option, "--audit") == 0) return &into->audit;
  if (strcmp(option, "--drop-capabilities") == 0) return &into->drop_capabilities;
  if (strcmp(option, "--unix-sockets-only") == 0) return &into->unix_sockets_only;
  return NULL;
}

static void parse_valued(const char *option, const char *value, struct arguments *into) {
  /* (uid_t)-1 means "leave as it is" to the kernel, so it is no id. */
  if (strcmp(option, "--gid") == 0 && !into->has_gid) {
    into->gid = parse_number(option, value, 0, UINT_MAX - 1);
    into->has_gid = true;
  } else if (strcmp(option, "--uid") == 0 && !into->has_uid) {
    into->uid = parse_number(option, value, 0, UINT_MAX - 1);
    into->has_uid = true;
  } else if (strcmp(option, "--rules") == 0 && into->rules_fd == -1) {
    into->rules_fd = (int)parse_number(option, value, 3, MAX_FD);
  } else if (strcmp(option, "--at-most") == 0 && into->at_most == UINT_MAX) {
    into->at_most = parse_number(option, value, 1, UINT_MAX - 1);
  } else {
    fail(STEP_ARGUMENTS, option, 0);
  }
}

void parse_arguments(int argc, char **argv, struct arguments *into) {
  *into = (struct arguments){.rules_fd = -1, .at_most = UINT_MAX};
  if (argc == 2 && strcmp(argv[1], "--version-of-kernel") == 0) {
    into->version_of_kernel = true;
    return;
  }
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    bool *flag = switch_of(argv[i], into);
    if (flag != NULL) {
      if (*flag) fail(STEP_ARGUMENTS, argv[i], 0);
      *flag = true;
      continue;
    }
    if (i + 1 >= argc) fail(STEP_ARGUMENTS, argv[i], 0);
    parse_valued(argv[i], argv[i + 1], into);
    i++;
  }
  if (into->rules_fd == -1) fail(STEP_ARGUMENTS, "no --rules", 0);
  if (i + 1 >= argc || argv[i + 1][0] == '\0') fail(STEP_ARGUMENTS, "no command after --", 0);
  into->command = &argv[i + 1];
}
