/*
 * Becomes a program under a filter of system calls and nothing else: stage B also gives up capabilities and more, and would hide what the filter
 * alone stops.
 *
 *   under-filter FD PROGRAM [ARGUMENT]...        FD: the filter, as struct sock_filter
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_INSTRUCTIONS = 4096, INSTRUCTION_BYTES = 8 };

static uint64_t filter[MOST_INSTRUCTIONS];

int main(int argc, char **argv, char **environment) {
  if (argc < 3) return 2;
  const int fd = atoi(argv[1]);
  const ssize_t bytes = read(fd, filter, sizeof filter);
  if (bytes <= 0 || bytes % INSTRUCTION_BYTES != 0 || close(fd) == -1) return 3;
  const struct {
    unsigned short length;
    void *instructions;
  } program = {.length = (unsigned short)(bytes / INSTRUCTION_BYTES), .instructions = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) return 4;
  if (syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program) == -1) return 5;
  execve(argv[2], argv + 2, environment);
  perror(argv[2]);
  return 6;
}
