/* Ways around a name: links, dots and roots, set up in a directory that is writable by right. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void read_through(const char *path) {
  char text[256];
  const int fd = open(path, O_RDONLY);

  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

static const char *in_writable(const char *name) {
  static char path[512];

  if (snprintf(path, sizeof path, "%s/%s", parameter("writable-dir"), name) >= (int)sizeof path) impossible("the path is too long");
  return path;
}

_Noreturn static void symbolic_link(void) {
  const char *link = in_writable("symbolic-link");

  if (symlink(parameter("ssh-key"), link) == -1) refused(errno);
  read_through(link);
}

_Noreturn static void hard_link(void) {
  const char *name = in_writable("hard-link");

  if (link(parameter("ssh-key"), name) == -1) refused(errno);
  read_through(name);
}

_Noreturn static void dots(void) {
  char path[1024];

  if (snprintf(path, sizeof path, "%s/../../../../../../../../../../../..%s", parameter("writable-dir"), parameter("ssh-key")) >=
      (int)sizeof path)
    impossible("the path is too long");
  read_through(path);
}

/* Moves a directory out from under itself while standing in it, then climbs. */
_Noreturn static void moved_directory(void) {
  char from[512], path[1024];

  snprintf(from, sizeof from, "%s", in_writable("moved"));
  if (mkdir(from, 0700) == -1 || mkdir(in_writable("moved/inner"), 0700) == -1) refused(errno);
  const int inner = open(in_writable("moved/inner"), O_RDONLY | O_DIRECTORY);
  if (inner == -1) refused(errno);
  snprintf(path, sizeof path, "%s", in_writable("moved/inner"));
  if (rename(path, in_writable("elsewhere")) == -1) refused(errno);
  snprintf(path, sizeof path, "../../../../../../../../../../../..%s", parameter("ssh-key"));
  char text[256];
  const int fd = openat(inner, path, O_RDONLY);
  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

/* A name of one file for another: the writable disk's name made a link to what is read-only. */
_Noreturn static void exchange_base(void) {
  if (rename(in_writable("nothing"), parameter("own-base-to-exchange")) == 0) escaped("renamed over");
  const char *mine = in_writable("mine");
  const int fd = open(mine, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  if (rename(mine, parameter("own-base-to-exchange")) == -1) refused(errno);
  escaped("exchanged");
}

/* Set-user-id programs left where a user of the host finds them: they run with the rights of whoever owns them there. */
_Noreturn static void set_user_id(void) {
  const char *path = in_writable("set-user-id");
  const int fd = open(path, O_WRONLY | O_CREAT, 0700);

  if (fd == -1) refused(errno);
  if (fchmod(fd, 04755) == -1) refused(errno);
  escaped("set");
}

_Noreturn static void set_user_id_at_creation(void) {
  const int fd = open(in_writable("born-set-user-id"), O_WRONLY | O_CREAT | O_EXCL, 04755);

  if (fd == -1) refused(errno);
  escaped("made");
}

/* Character device 1:3 is /dev/null, harmless; the right to make it is the right to make /dev/mem. */
_Noreturn static void make_device(void) {
  if (mknod(in_writable("device"), S_IFCHR | 0600, (dev_t)((1 << 8) | 3)) == -1) refused(errno);
  escaped("made");
}

const struct attempt link_attempts[] = {
  {"symbolic-link-out", symbolic_link},
  {"hard-link-out", hard_link},
  {"dot-dot-out", dots},
  {"moved-directory-out", moved_directory},
  {"exchange-own-base", exchange_base},
  {"set-user-id-file", set_user_id},
  {"set-user-id-at-creation", set_user_id_at_creation},
  {"make-device-node", make_device},
  {NULL, NULL},
};
