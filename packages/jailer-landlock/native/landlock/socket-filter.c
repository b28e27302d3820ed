#include "socket-filter.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/seccomp.h, linux/filter.h, linux/audit.h. */
enum { SET_MODE_FILTER = 1 };
#define RETURN_ALLOW 0x7fff0000U
#define RETURN_ERRNO 0x00050000U
#define RETURN_KILL_PROCESS 0x80000000U
#define LOAD 0x20 /* BPF_LD | BPF_W | BPF_ABS */
#define JUMP_EQUAL 0x15
#define JUMP_AT_LEAST 0x35
#define RETURN 0x06
#if defined(__x86_64__)
#define ARCHITECTURE 0xc000003eU
#elif defined(__aarch64__)
#define ARCHITECTURE 0xc00000b7U
#else
#error "no number for this architecture"
#endif
/* x32 calls of x86-64 have this bit; no other architecture has numbers this high. */
#define X32_BIT 0x40000000U

struct instruction {
  uint16_t code;
  uint8_t if_true, if_false;
  uint32_t value;
};

struct program {
  uint16_t length;
  const struct instruction *instructions;
};

/* struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits. Both architectures are little-endian. */
enum { DATA_NUMBER = 0, DATA_ARCHITECTURE = 4, DATA_FIRST_ARGUMENT = 16 };

static const struct instruction instructions[] = {
  {LOAD, 0, 0, DATA_ARCHITECTURE},
  {JUMP_EQUAL, 0, 2, ARCHITECTURE},
  {LOAD, 0, 0, DATA_NUMBER},
  {JUMP_AT_LEAST, 0, 1, X32_BIT},
  {RETURN, 0, 0, RETURN_KILL_PROCESS},
  {JUMP_EQUAL, 0, 1, SYS_io_uring_setup},
  {RETURN, 0, 0, RETURN_ERRNO | ENOSYS},
  {JUMP_EQUAL, 1, 0, SYS_socket},
  {JUMP_EQUAL, 0, 2, SYS_socketpair},
  {LOAD, 0, 0, DATA_FIRST_ARGUMENT},
  {JUMP_EQUAL, 0, 1, AF_UNIX},
  {RETURN, 0, 0, RETURN_ALLOW},
  {RETURN, 0, 0, RETURN_ERRNO | EACCES},
};

void allow_unix_sockets_only(void) {
  const struct program program = {.length = sizeof instructions / sizeof instructions[0], .instructions = instructions};
  if (syscall(SYS_seccomp, SET_MODE_FILTER, 0, &program) == -1) fail(STEP_SECCOMP, "install", errno);
}
