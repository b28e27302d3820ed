#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/seccomp.h and linux/filter.h. */
enum { SET_MODE_FILTER = 1, INSTRUCTION_BYTES = 8 };
#define FLAG_NEW_LISTENER (1UL << 3)

struct filter_program {
  unsigned short length;
  void *instructions;
};

/* What is under the filter already: sendmsg is all it may call here. musl's makes that one call. */
static void hand_over(int socket, int listener) {
  char byte = 'l';
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memset(&control, 0, sizeof control);
  control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
  if (sendmsg(socket, &message, 0) != 1) fail(STEP_SECCOMP, "hand over the listener", errno);
}

void install_filter(void *program, size_t bytes, int notify_fd) {
  if (bytes == 0 || bytes % INSTRUCTION_BYTES != 0 || bytes > MAX_SECCOMP_BYTES) fail(STEP_SECCOMP, "program size", EINVAL);
  const struct filter_program filter = {
    .length = (unsigned short)(bytes / INSTRUCTION_BYTES),
    .instructions = program,
  };
  if (notify_fd != -1 && fcntl(notify_fd, F_SETFD, FD_CLOEXEC) == -1) fail(STEP_SECCOMP, "listener socket", errno);
  const long result = syscall(SYS_seccomp, SET_MODE_FILTER, notify_fd == -1 ? 0 : FLAG_NEW_LISTENER, &filter);
  if (result == -1) fail(STEP_SECCOMP, notify_fd != -1 && errno == EBUSY ? "another listener is there already" : "install", errno);
  if (notify_fd != -1) hand_over(notify_fd, (int)result);
}
