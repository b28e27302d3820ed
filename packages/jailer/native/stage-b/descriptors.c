#include "descriptors.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

size_t read_all(int fd, void *buffer, size_t capacity, const char *what) {
  /* A pipe refuses with ESPIPE and is at its start anyway. */
  if (lseek(fd, 0, SEEK_SET) == -1 && errno != ESPIPE) fail(STEP_DATA, what, errno);
  size_t used = 0;
  for (;;) {
    char extra;
    const size_t room = capacity - used;
    const ssize_t count = room > 0 ? read(fd, (char *)buffer + used, room) : read(fd, &extra, 1);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) fail(STEP_DATA, what, errno);
    if (count == 0) break;
    if (room == 0) fail(STEP_DATA, what, E2BIG);
    used += (size_t)count;
  }
  if (close(fd) == -1) fail(STEP_DATA, what, errno);
  return used;
}

static void close_between(unsigned first, unsigned last) {
  if (first > last) return;
  if (syscall(SYS_close_range, first, last, 0) == 0) return;
  if (errno != ENOSYS) fail(STEP_DESCRIPTORS, "close_range", errno);
  /* Kernels before 5.9: one by one, as far as this program accepts descriptors. */
  for (unsigned fd = first; fd <= last && fd <= MAX_FD; fd++) {
    if (close((int)fd) == -1 && errno != EBADF) fail(STEP_DESCRIPTORS, "close", errno);
  }
}

void close_strays(const struct arguments *arguments) {
  const unsigned end = (unsigned)arguments->keep_from;
  unsigned first = 3;
  while (first < end) {
    /* The nearest kept descriptor at or above `first`. */
    unsigned next = end;
    for (size_t i = 0; i < arguments->kept_count; i++) {
      const unsigned kept = (unsigned)arguments->kept[i];
      if (kept >= first && kept < next) next = kept;
    }
    close_between(first, next == MAX_FD + 1 ? ~0U : next - 1);
    first = next + 1;
  }
}
