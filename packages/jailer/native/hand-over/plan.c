#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "give-up.h"

/* (uid_t)-1 means "leave as it is" to the kernel, so it is no id. */
#define HIGHEST_ID 4294967294U

/* Reads an unsigned decimal number up to `end` or to the end of the text. */
static unsigned parse_number(const char *option, const char *text, size_t length, unsigned highest) {
  unsigned long long value = 0;
  if (length == 0 || length > 10 || (length > 1 && text[0] == '0')) give_up("arguments", option, 0);
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') give_up("arguments", option, 0);
    value = value * 10 + (unsigned long long)(text[i] - '0');
  }
  if (value > highest) give_up("arguments", option, 0);
  return (unsigned)value;
}

static struct mapped_id parse_pair(const char *option, const char *text) {
  const char *colon = strchr(text, ':');
  if (colon == NULL) give_up("arguments", option, 0);
  const struct mapped_id pair = {
    .inside = parse_number(option, text, (size_t)(colon - text), HIGHEST_ID),
    .host = parse_number(option, colon + 1, strlen(colon + 1), HIGHEST_ID),
  };
  /* Handing something to host root would be no hand-over. */
  if (pair.host == 0) give_up("arguments", option, 0);
  return pair;
}

static int parse_fd(const char *option, const char *text) {
  const unsigned fd = parse_number(option, text, strlen(text), MAX_FD);
  if (fd < 3) give_up("arguments", option, 0);
  return (int)fd;
}

void parse_plan(int argc, char **argv, struct plan *into) {
  bool has_outside = false, has_uid = false, has_gid = false;
  *into = (struct plan){.userns_fd = -1, .inner_fd = -1, .view_fd = -1};
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    const char *option = argv[i];
    if (strcmp(option, "--check") == 0) {
      into->check = true;
      continue;
    }
    if (i + 1 >= argc) give_up("arguments", option, 0);
    const char *value = argv[++i];
    if (strcmp(option, "--outside") == 0 && !has_outside) {
      into->outside = parse_number(option, value, strlen(value), HIGHEST_ID);
      has_outside = true;
    } else if (strcmp(option, "--uid") == 0 && !has_uid) {
      into->uid = parse_pair(option, value);
      has_uid = true;
    } else if (strcmp(option, "--gid") == 0 && !has_gid) {
      into->gid = parse_pair(option, value);
      has_gid = true;
    } else if (strcmp(option, "--group") == 0 && into->group_count < MAX_GROUPS) {
      into->groups[into->group_count++] = parse_pair(option, value);
    } else if (strcmp(option, "--userns") == 0 && into->userns_fd == -1) {
      into->userns_fd = parse_fd(option, value);
    } else if (strcmp(option, "--inner") == 0 && into->inner_fd == -1) {
      into->inner_fd = parse_fd(option, value);
    } else if (strcmp(option, "--view") == 0 && into->view_fd == -1) {
      into->view_fd = parse_fd(option, value);
    } else {
      give_up("arguments", option, 0);
    }
  }
  if (into->view_fd == -1) give_up("arguments", "--view is required", 0);
  into->changes_user = has_outside || has_uid || has_gid || into->group_count > 0 || into->userns_fd != -1 || into->inner_fd != -1;
  if (into->changes_user && (!has_outside || !has_uid || !has_gid || into->userns_fd == -1 || into->inner_fd == -1))
    give_up("arguments", "--outside, --uid, --gid, --userns and --inner go together", 0);
  if (into->changes_user && into->userns_fd == into->inner_fd) give_up("arguments", "--inner", 0);
  if (into->check) return;
  if (i + 1 >= argc || argv[i + 1][0] != '/') give_up("arguments", "no absolute command after --", 0);
  into->command = &argv[i + 1];
}
