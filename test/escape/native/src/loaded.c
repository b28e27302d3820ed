/* What a loader is given to run, linked dynamically as a loader wants it: it tells that it ran in the words of the hostile program. */
#include <unistd.h>

int main(void) {
  static const char line[] = "\n@ execute-written-by-loader escaped it ran\n";

  return write(STDOUT_FILENO, line, sizeof line - 1) == (ssize_t)(sizeof line - 1) ? 0 : 1;
}
