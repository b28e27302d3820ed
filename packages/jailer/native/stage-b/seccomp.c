#include "seccomp.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/seccomp.h and linux/filter.h. */
enum { SET_MODE_FILTER = 1, INSTRUCTION_BYTES = 8 };

struct filter_program {
  unsigned short length;
  void *instructions;
};

void install_filter(void *program, size_t bytes) {
  if (bytes == 0 || bytes % INSTRUCTION_BYTES != 0 || bytes > MAX_SECCOMP_BYTES) fail(STEP_SECCOMP, "program size", EINVAL);
  const struct filter_program filter = {
    .length = (unsigned short)(bytes / INSTRUCTION_BYTES),
    .instructions = program,
  };
  if (syscall(SYS_seccomp, SET_MODE_FILTER, 0, &filter) == -1) fail(STEP_SECCOMP, "install", errno);
}
