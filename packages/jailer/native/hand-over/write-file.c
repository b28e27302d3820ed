#include "write-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd == -1) return false;
  const size_t size = strlen(text);
  const bool done = write(fd, text, size) == (ssize_t)size;
  const int saved = errno;
  if (close(fd) == -1) return false;
  errno = saved;
  return done;
}
