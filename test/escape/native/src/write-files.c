/* Files outside the table and files granted read-only: contents, names, modes, times. Judged from outside by the file itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void writes(const char *key) {
  const int fd = open(parameter(key), O_WRONLY | O_APPEND);

  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("written");
}

/* A new file in a directory. */
_Noreturn static void creates(const char *key) {
  const int fd = open(parameter(key), O_WRONLY | O_CREAT | O_EXCL, 0600);

  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("created");
}

_Noreturn static void write_home(void) { writes("profile"); }
_Noreturn static void write_authorized_keys(void) { writes("authorized-keys"); }
_Noreturn static void write_database(void) { writes("database-to-write"); }
_Noreturn static void write_other_disk(void) { writes("other-disk-to-write"); }
_Noreturn static void write_base(void) { writes("own-base"); }
_Noreturn static void write_kernel(void) { writes("kernel"); }
_Noreturn static void write_shim(void) { writes("shim"); }
_Noreturn static void write_pid_file(void) { writes("pid-file-to-write"); }
_Noreturn static void write_exit_file(void) { writes("exit-file"); }
_Noreturn static void write_log(void) { writes("log-file"); }
_Noreturn static void write_ca(void) { writes("ca-certificate"); }
_Noreturn static void write_read_only_volume(void) { writes("read-only-file"); }
_Noreturn static void create_in_box(void) { creates("new-in-box"); }
_Noreturn static void create_in_home(void) { creates("new-in-home"); }
_Noreturn static void create_autostart(void) { creates("new-autostart"); }
_Noreturn static void create_in_other_box(void) { creates("new-in-other-box"); }
_Noreturn static void create_in_read_only_volume(void) { creates("new-in-read-only"); }

_Noreturn static void replace_shim(void) {
  char staged[512];
  const char *shim = parameter("shim-to-replace");

  if (snprintf(staged, sizeof staged, "%s.new", shim) >= (int)sizeof staged) impossible("the path is too long");
  const int fd = open(staged, O_WRONLY | O_CREAT | O_EXCL, 0755);
  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1 || rename(staged, shim) == -1) refused(errno);
  escaped("replaced");
}

_Noreturn static void remove_other_disk(void) {
  if (unlink(parameter("other-file-to-remove")) == -1) refused(errno);
  escaped("removed");
}

_Noreturn static void truncate_base(void) {
  if (truncate(parameter("base-to-truncate"), 0) == -1) refused(errno);
  escaped("truncated");
}

_Noreturn static void change_mode(void) {
  if (chmod(parameter("file-to-open-up"), 0777) == -1) refused(errno);
  escaped("mode changed");
}

_Noreturn static void change_owner(void) {
  if (chown(parameter("file-to-give-away"), 12345, 12345) == -1) refused(errno);
  escaped("owner changed");
}

_Noreturn static void change_times(void) {
  const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

  if (utimensat(AT_FDCWD, parameter("file-to-date"), times, 0) == -1) refused(errno);
  escaped("times changed");
}

_Noreturn static void set_attribute(void) {
  if (setxattr(parameter("file-to-mark"), "user.hostile", "1", 1, 0) == -1) refused(errno);
  escaped("attribute set");
}

const struct attempt write_attempts[] = {
  {"write-home-profile", write_home},
  {"write-authorized-keys", write_authorized_keys},
  {"write-database", write_database},
  {"write-other-box-disk", write_other_disk},
  {"write-own-base", write_base},
  {"write-kernel", write_kernel},
  {"write-own-shim", write_shim},
  {"write-own-pid-file", write_pid_file},
  {"write-own-exit-file", write_exit_file},
  {"write-own-log", write_log},
  {"write-own-ca", write_ca},
  {"write-read-only-volume", write_read_only_volume},
  {"create-in-box-directory", create_in_box},
  {"create-in-home", create_in_home},
  {"create-autostart", create_autostart},
  {"create-in-other-box", create_in_other_box},
  {"create-in-read-only-volume", create_in_read_only_volume},
  {"replace-shim", replace_shim},
  {"remove-other-box-disk", remove_other_disk},
  {"truncate-own-base", truncate_base},
  {"chmod-outside", change_mode},
  {"chown-outside", change_owner},
  {"utimes-outside", change_times},
  {"setxattr-outside", set_attribute},
  {NULL, NULL},
};
