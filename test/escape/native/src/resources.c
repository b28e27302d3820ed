/* More of the machine than was given. Every attempt is bounded by itself, so that layers that are off cost the machine nothing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"

enum { MOST_CHILDREN = 300, MOST_DESCRIPTORS = 2000, BLOCK_BYTES = 1 << 20, SLOWED_SECONDS = 15 };

/* Children that only wait; the bound is several times what the jail was told to allow. */
_Noreturn static void fork_bomb(void) {
  static pid_t children[MOST_CHILDREN];
  int made = 0;
  int error = 0;

  while (made < MOST_CHILDREN) {
    const pid_t child = fork();

    if (child == 0) {
      (void)alarm(5);
      for (;;) pause();
    }
    if (child == -1) {
      error = errno;
      break;
    }
    children[made++] = child;
  }
  for (int at = 0; at < made; at++) {
    (void)kill(children[at], SIGKILL);
    (void)waitpid(children[at], NULL, 0);
  }
  if (made < MOST_CHILDREN) refused(error);
  escaped("300 children");
}

/* Touches what it maps: address space alone costs nothing. A group may slow it down to nothing (memory.high) before it kills. */
_Noreturn static void fill_memory(void) {
  const long wanted = number("memory-mib");
  const time_t begin = time(NULL);

  for (long mib = 0; mib < wanted; mib++) {
    char *block = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (block == MAP_FAILED) refused(errno);
    memset(block, 1, BLOCK_BYTES);
    if (time(NULL) - begin > SLOWED_SECONDS) refused_because("slowed down to nothing before the limit");
  }
  escaped("more memory than the limit");
}

/* One byte beyond the largest file: the hole costs no disk. */
_Noreturn static void large_file(void) {
  char path[512];

  snprintf(path, sizeof path, "%s/large", parameter("writable-dir"));
  const int fd = open(path, O_WRONLY | O_CREAT, 0600);
  if (fd == -1) refused(errno);
  if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR) refused(errno);
  const ssize_t wrote = pwrite(fd, "x", 1, (off_t)number("file-limit"));
  const int error = errno;
  (void)unlink(path);
  if (wrote == -1) refused(error);
  escaped("a file beyond the limit");
}

/* Many small files: only the size of the file system itself holds them. */
_Noreturn static void fill_tmp(void) {
  static char block[BLOCK_BYTES];
  const long wanted = number("tmp-mib");
  char path[128];
  int fd = -1;
  long mib = 0;
  int error = 0;

  memset(block, 1, sizeof block);
  for (; mib < wanted && error == 0; mib++) {
    if (mib % 8 == 0) {
      snprintf(path, sizeof path, "/tmp/boxlite-hostile-%d-%ld", getpid(), mib / 8);
      if (fd != -1) (void)close(fd);
      fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
      if (fd == -1) error = errno;
    }
    if (fd != -1 && write(fd, block, sizeof block) != (ssize_t)sizeof block) error = errno == 0 ? ENOSPC : errno;
  }
  for (long file = 0; file <= mib / 8; file++) {
    snprintf(path, sizeof path, "/tmp/boxlite-hostile-%d-%ld", getpid(), file);
    (void)unlink(path);
  }
  if (error != 0) refused(error);
  escaped("more than /tmp was given");
}

_Noreturn static void exhaust_descriptors(void) {
  for (int count = 0; count < MOST_DESCRIPTORS; count++)
    if (dup(STDOUT_FILENO) == -1) refused(errno);
  escaped("2000 descriptors");
}

/* A core file would hold the guest's memory. Its limit is first raised as far as it goes. */
_Noreturn static void dump_core(void) {
  struct rlimit limit;
  int status;

  if (getrlimit(RLIMIT_CORE, &limit) == -1) refused(errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_CORE, &limit) == -1) refused(errno);
  const pid_t child = fork();
  if (child == -1) refused(errno);
  if (child == 0) {
    (void)!chdir(parameter("writable-dir"));
    (void)raise(SIGABRT);
    _exit(1);
  }
  if (waitpid(child, &status, 0) == -1) refused(errno);
  if (WIFSIGNALED(status) && WCOREDUMP(status)) escaped("a core was dumped");
  refused_because("no core was dumped");
}

static double seconds_used(void) {
  struct timespec used;

  return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 ? (double)used.tv_sec + (double)used.tv_nsec / 1e9 : 0;
}

/* Computes for longer than it may; the kernel's signal ends it. */
_Noreturn static void burn_processor(void) {
  const double wanted = (double)number("cpu-seconds");

  (void)signal(SIGXCPU, SIG_IGN);
  while (seconds_used() < wanted)
    for (volatile int turn = 0; turn < 1000000; turn++) continue;
  escaped("more processor time than the limit");
}

/* Writes to its standard output, which somebody keeps: twice what may be kept. The verdict comes last, for what is dropped is the oldest. */
_Noreturn static void fill_log(void) {
  static char block[BLOCK_BYTES];
  const long wanted = number("log-mib");

  memset(block, 'x', sizeof block);
  for (size_t at = 99; at < sizeof block; at += 100) block[at] = '\n';
  for (long mib = 0; mib <= wanted; mib++)
    for (size_t sent = 0; sent < sizeof block;) {
      const ssize_t wrote = write(STDOUT_FILENO, block + sent, sizeof block - sent);

      if (wrote == -1) refused(errno);
      sent += (size_t)wrote;
    }
  escaped("all was written");
}

/* Leaves its group by the group's own interface. */
_Noreturn static void leave_group(void) {
  const int fd = open(parameter("cgroup-outside"), O_WRONLY);
  char text[16];

  if (fd == -1) refused(errno);
  snprintf(text, sizeof text, "%d", getpid());
  if (write(fd, text, strlen(text)) == -1) refused(errno);
  escaped("left");
}

const struct attempt resource_attempts[] = {
  {"fork-bomb", fork_bomb},
  {"fill-memory", fill_memory},
  {"large-file", large_file},
  {"fill-tmp", fill_tmp},
  {"exhaust-descriptors", exhaust_descriptors},
  {"dump-core", dump_core},
  {"burn-processor", burn_processor},
  {"fill-log", fill_log},
  {"leave-cgroup", leave_group},
  {NULL, NULL},
};
