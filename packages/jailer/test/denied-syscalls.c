/*
 * Fixture: tries each system call named on the command line as NUMBER and prints "NUMBER ERRNO" for it.
 * The arguments are invalid for every call tried, so that one that is not filtered does no harm.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const long number = strtol(argv[i], NULL, 10);
    errno = 0;
    const long result = number == SYS_clone ? syscall(number, 0x10000000L | 17, 0, 0, 0, 0)
                                            : syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
    if (number == SYS_clone && result == 0) _exit(0);
    printf("%ld %d\n", number, result == -1 ? errno : 0);
  }
  return 0;
}
