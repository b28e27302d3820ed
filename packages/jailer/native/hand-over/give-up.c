#include "give-up.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void give_up(const char *step, const char *what, int error) {
  char line[1024];
  const int length = snprintf(line, sizeof line, "boxlite-hand-over: %s: %s%s%s\n", step, what, error == 0 ? "" : ": ",
                              error == 0 ? "" : strerror(error));
  const char *next = line;
  size_t count = length < 0 ? 0 : (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
  while (count > 0) {
    const ssize_t written = write(STDERR_FILENO, next, count);
    if (written <= 0) break; /* nobody reads; the exit status still tells */
    next += written;
    count -= (size_t)written;
  }
  _exit(EXIT_NOT_HANDED_OVER);
}
