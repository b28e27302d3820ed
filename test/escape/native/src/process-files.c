/* What /proc shows of another process, and the ways it leads to files that no path of the view does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void reads(const char *path, off_t offset) {
  char text[256];
  const int fd = open(path, O_RDONLY);

  if (fd == -1) refused(errno);
  const ssize_t got = pread(fd, text, sizeof text, offset);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

static const char *of_victim(const char *rest) {
  static char path[1024];

  snprintf(path, sizeof path, "/proc/%ld/%s", number("victim"), rest);
  return path;
}

_Noreturn static void memory(void) { reads(of_victim("mem"), (off_t)strtoul(parameter("victim-secret"), NULL, 16)); }

_Noreturn static void environment(void) { reads(of_victim("environ"), 0); }

_Noreturn static void command_line(void) { reads(of_victim("cmdline"), 0); }

_Noreturn static void working_directory(void) { reads(of_victim("cwd/secret"), 0); }

_Noreturn static void root(void) {
  char rest[512];

  snprintf(rest, sizeof rest, "root%s", parameter("ssh-key"));
  reads(of_victim(rest), 0);
}

_Noreturn static void descriptor(void) {
  char rest[32];

  snprintf(rest, sizeof rest, "fd/%ld", number("victim-fd"));
  reads(of_victim(rest), 0);
}

_Noreturn static void first_root(void) {
  char path[512];

  snprintf(path, sizeof path, "/proc/1/root%s", parameter("ssh-key"));
  reads(path, 0);
}

_Noreturn static void kernel_setting(void) {
  const int fd = open("/proc/sys/kernel/hostname", O_WRONLY);

  /* Opening is the right to write; nothing is. */
  if (fd == -1) refused(errno);
  escaped("open for writing");
}

_Noreturn static void oom_score(void) {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY);

  if (fd == -1) refused(errno);
  if (write(fd, "-999", 4) == -1) refused(errno);
  escaped("others are killed first");
}

const struct attempt process_file_attempts[] = {
  {"proc-mem", memory},
  {"proc-environ", environment},
  {"proc-cmdline", command_line},
  {"proc-cwd", working_directory},
  {"proc-root", root},
  {"proc-fd", descriptor},
  {"proc-1-root", first_root},
  {"proc-sys-kernel", kernel_setting},
  {"proc-oom-score", oom_score},
  {NULL, NULL},
};
