#include "arguments.h"

#include <string.h>

#include "step.h"

/* An unsigned decimal number of at most `highest`. */
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

static int parse_fd(const char *option, const char *text) { return (int)parse_number(option, text, 3, MAX_FD); }

void parse_arguments(int argc, char **argv, struct arguments *into) {
  *into = (struct arguments){.seccomp_fd = -1, .notify_fd = -1, .identity_fd = -1, .userns_fd = -1, .keep_from = MAX_FD + 1};
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    const char *option = argv[i];
    if (i + 1 >= argc) fail(STEP_ARGUMENTS, option, 0);
    const char *value = argv[++i];
    if (strcmp(option, "--gid") == 0 && !into->has_gid) {
      /* (gid_t)-1 means "leave as it is" to the kernel, so it is no id. */
      into->gid = parse_number(option, value, 0, 4294967294U);
      into->has_gid = true;
    } else if (strcmp(option, "--uid") == 0 && !into->has_uid) {
      into->uid = parse_number(option, value, 0, 4294967294U);
      into->has_uid = true;
    } else if (strcmp(option, "--group") == 0 && into->group_count < MAX_GROUPS) {
      into->groups[into->group_count++] = parse_number(option, value, 0, 4294967294U);
    } else if (strcmp(option, "--identity") == 0 && into->identity_fd == -1) {
      into->identity_fd = parse_fd(option, value);
    } else if (strcmp(option, "--user-namespace") == 0 && into->userns_fd == -1 && into->kept_count < MAX_KEPT) {
      into->userns_fd = parse_fd(option, value);
      into->kept[into->kept_count++] = into->userns_fd;
    } else if (strcmp(option, "--seccomp") == 0 && into->seccomp_fd == -1) {
      into->seccomp_fd = parse_fd(option, value);
    } else if (strcmp(option, "--notify") == 0 && into->notify_fd == -1 && into->kept_count < MAX_KEPT) {
      into->notify_fd = parse_fd(option, value);
      into->kept[into->kept_count++] = into->notify_fd;
    } else if (strcmp(option, "--keep") == 0 && into->kept_count < MAX_KEPT) {
      into->kept[into->kept_count++] = parse_fd(option, value);
    } else if (strcmp(option, "--keep-from") == 0 && into->keep_from > MAX_FD) {
      into->keep_from = parse_fd(option, value);
    } else if (strcmp(option, "--unset") == 0 && into->unset_count < MAX_UNSET && value[0] != '\0' &&
               strchr(value, '=') == NULL) {
      into->unset[into->unset_count++] = value;
    } else {
      fail(STEP_ARGUMENTS, option, 0);
    }
  }
  if (into->identity_fd != -1 && into->identity_fd == into->seccomp_fd)
    fail(STEP_ARGUMENTS, "--identity", 0);
  if (into->notify_fd != -1 && into->seccomp_fd == -1) fail(STEP_ARGUMENTS, "--notify", 0);
  if (i + 1 >= argc || argv[i + 1][0] == '\0') fail(STEP_ARGUMENTS, "no command after --", 0);
  into->command = &argv[i + 1];
}
