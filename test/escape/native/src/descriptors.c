/* What the starting process had open and the VMM must not have: 20 a file, 21 a directory, 22 a pipe, 23 a terminal (test/escape/harness). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "attempt.h"

enum { LEAKED_FILE = 20, LEAKED_DIRECTORY = 21, LEAKED_PIPE = 22, LEAKED_TERMINAL = 23, FIRST_LISTENER = 10, LAST_LOOKED_AT = 1024 };

_Noreturn static void write_file(void) {
  if (write(LEAKED_FILE, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("written");
}

_Noreturn static void open_below_directory(void) {
  char text[128];
  const int fd = openat(LEAKED_DIRECTORY, ".ssh/id_ed25519", O_RDONLY);

  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

_Noreturn static void write_pipe(void) {
  if (write(LEAKED_PIPE, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("written");
}

/* Puts a character into the terminal's input, as if it had been typed there. */
_Noreturn static void type_at_terminal(void) {
  if (ioctl(LEAKED_TERMINAL, TIOCSTI, "x") == -1) refused(errno);
  escaped("typed");
}

/* Anything open besides the standard three and the listeners. */
_Noreturn static void count_unexpected(void) {
  struct stat found;

  for (int fd = 3; fd < LAST_LOOKED_AT; fd++) {
    if (fd == FIRST_LISTENER || fstat(fd, &found) == -1) continue;
    char text[32];
    snprintf(text, sizeof text, "descriptor %d", fd);
    escaped(text);
  }
  refused_because("nothing but what was listed");
}

const struct attempt descriptor_attempts[] = {
  {"leaked-file", write_file},
  {"leaked-directory", open_below_directory},
  {"leaked-pipe", write_pipe},
  {"type-at-terminal", type_at_terminal},
  {"unexpected-descriptors", count_unexpected},
  {NULL, NULL},
};
