#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "verdict.h"

const char MARK[] = "written by the hostile program";

static const char *running = "none";

void verdict_of(const char *name) { running = name; }

void tell(const char *name, const char *verdict, const char *detail) {
  char line[512];
  int length = snprintf(line, sizeof line, "\n@ %s %s %.300s\n", name, verdict, detail);

  if (length < 0) _exit(3);
  /* What cannot be told shows outside as an attempt without a verdict. */
  if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(4);
}

_Noreturn static void end(const char *verdict, const char *detail) {
  tell(running, verdict, detail);
  _exit(0);
}

_Noreturn void escaped(const char *detail) { end("escaped", detail); }

_Noreturn void escaped_with(const char *data, size_t length) {
  char text[200];
  size_t used = 0;

  for (size_t at = 0; at < length && used < sizeof text - 1; at++) {
    if (data[at] == '\n' || data[at] == '\0') break;
    text[used++] = data[at] >= ' ' && data[at] <= '~' ? data[at] : '?';
  }
  text[used] = '\0';
  end("escaped", text);
}

_Noreturn void refused(int error) {
  char text[64];

  snprintf(text, sizeof text, "errno %d %s", error, strerror(error));
  end("refused", text);
}

_Noreturn void refused_because(const char *why) { end("refused", why); }

_Noreturn void impossible(const char *why) { end("impossible", why); }
