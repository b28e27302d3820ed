/* Other processes of the same user: the victim, which tells outside what was done to it, and the supervisor, which is the parent. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"

static pid_t victim(void) { return (pid_t)number("victim"); }

_Noreturn static void list(void) {
  char name[32];
  DIR *directory = opendir("/proc");
  const struct dirent *entry;

  if (directory == NULL) refused(errno);
  snprintf(name, sizeof name, "%d", victim());
  while ((entry = readdir(directory)) != NULL)
    if (strcmp(entry->d_name, name) == 0) escaped("the victim is listed");
  refused_because("the victim is not listed");
}

_Noreturn static void send_signal(void) {
  if (kill(victim(), SIGUSR1) == -1) refused(errno);
  escaped("sent");
}

_Noreturn static void send_by_pidfd(void) {
  const int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

  if (fd == -1) refused(errno);
  if (syscall(SYS_pidfd_send_signal, fd, SIGUSR2, NULL, 0) == -1) refused(errno);
  escaped("sent");
}

/* Signal 0 asks only whether a signal could be sent: to everybody, which no test may really do. */
_Noreturn static void send_to_all(void) {
  if (kill(-1, 0) == -1) refused(errno);
  if (getpid() <= 2) refused_because("there is nobody but itself");
  if (kill(victim(), 0) == -1) refused(errno);
  escaped("could be sent");
}

/* The process that started this one: supervisor, or what stands in for it. Signal 0, since it is needed. */
_Noreturn static void signal_parent(void) {
  const pid_t parent = (pid_t)number("starter");

  if (kill(parent, 0) == -1) refused(errno);
  escaped("could be sent");
}

/* SIGIO owner: the kernel signals on behalf of whoever made the descriptor owner. */
_Noreturn static void queue_signal(void) {
  siginfo_t info;

  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  if (syscall(SYS_rt_sigqueueinfo, victim(), SIGUSR1, &info) == -1) refused(errno);
  escaped("queued");
}

_Noreturn static void trace(void) {
  int status;

  if (ptrace(PTRACE_ATTACH, victim(), NULL, NULL) == -1) refused(errno);
  (void)waitpid(victim(), &status, __WALL);
  (void)ptrace(PTRACE_DETACH, victim(), NULL, NULL);
  escaped("attached");
}

_Noreturn static void seize(void) {
  if (ptrace(PTRACE_SEIZE, victim(), NULL, NULL) == -1) refused(errno);
  escaped("seized");
}

_Noreturn static void read_memory(void) {
  char text[64];
  struct iovec here = {.iov_base = text, .iov_len = sizeof text};
  struct iovec there = {.iov_base = (void *)strtoul(parameter("victim-secret"), NULL, 16), .iov_len = sizeof text};
  const ssize_t got = process_vm_readv(victim(), &here, 1, &there, 1, 0);

  if (got <= 0) refused(errno);
  escaped_with(text, (size_t)got);
}

_Noreturn static void write_memory(void) {
  struct iovec here = {.iov_base = (void *)MARK, .iov_len = strlen(MARK) + 1};
  struct iovec there = {.iov_base = (void *)strtoul(parameter("victim-buffer"), NULL, 16), .iov_len = strlen(MARK) + 1};

  if (process_vm_writev(victim(), &here, 1, &there, 1, 0) <= 0) refused(errno);
  escaped("written");
}

_Noreturn static void steal_descriptor(void) {
  char text[64];
  const int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

  if (fd == -1) refused(errno);
  const int stolen = (int)syscall(SYS_pidfd_getfd, fd, (int)number("victim-fd"), 0);
  if (stolen == -1) refused(errno);
  const ssize_t got = pread(stolen, text, sizeof text, 0);
  if (got <= 0) refused(errno);
  escaped_with(text, (size_t)got);
}

_Noreturn static void limit_victim(void) {
  const struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};

  if (prlimit(victim(), RLIMIT_NOFILE, &limit, NULL) == -1) refused(errno);
  escaped("limited");
}

_Noreturn static void slow_victim(void) {
  if (setpriority(PRIO_PROCESS, (id_t)victim(), 19) == -1) refused(errno);
  escaped("slowed");
}

_Noreturn static void compare_victim(void) {
  if (syscall(SYS_kcmp, getpid(), victim(), 1 /* KCMP_VM */, 0, 0) == -1) refused(errno);
  escaped("compared");
}

const struct attempt process_attempts[] = {
  {"list-processes", list},
  {"signal-process", send_signal},
  {"signal-by-pidfd", send_by_pidfd},
  {"signal-everybody", send_to_all},
  {"signal-supervisor", signal_parent},
  {"queue-signal", queue_signal},
  {"ptrace-attach", trace},
  {"ptrace-seize", seize},
  {"read-process-memory", read_memory},
  {"write-process-memory", write_memory},
  {"steal-descriptor", steal_descriptor},
  {"limit-process", limit_victim},
  {"slow-process", slow_victim},
  {"compare-process", compare_victim},
  {NULL, NULL},
};
