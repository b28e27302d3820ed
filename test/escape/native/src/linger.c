/*
 * Ways to stay after the box was stopped. Each tells that it is ready and waits for its end; what is left of it is looked for outside, by the
 * word `linger-word` on its command line.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "attempt.h"
#include "verdict.h"

enum { LONGEST_SECONDS = 60 };

_Noreturn static void stay(void) {
  (void)alarm(LONGEST_SECONDS);
  for (;;) pause();
}

static void ignore_signals(void) {
  for (int signal_number = 1; signal_number < 32; signal_number++)
    if (signal_number != SIGALRM) (void)signal(signal_number, SIG_IGN);
}

_Noreturn static void ready(void) {
  tell("linger", "ready", "");
  stay();
}

_Noreturn static void stubborn(void) {
  ignore_signals();
  ready();
}

/* Twice forked, in a session of its own, without the signal its parent's death would send. */
_Noreturn static void orphan(void) {
  const pid_t child = fork();

  if (child == -1) refused(errno);
  if (child == 0) {
    (void)setsid();
    if (fork() > 0) _exit(0);
    ignore_signals();
    (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    stay();
  }
  ready();
}

_Noreturn static void other_group(void) {
  (void)setpgid(0, 0);
  (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  ignore_signals();
  ready();
}

/* Dies at once, and leaves a child behind. */
_Noreturn static void leave_child(void) {
  const pid_t child = fork();

  if (child == -1) refused(errno);
  if (child == 0) {
    (void)setsid();
    ignore_signals();
    (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    stay();
  }
  tell("linger", "ready", "");
  _exit(0);
}

/*
 * Its supervisor is killed instead of asked: nobody is left who could end the box but the kernel, by the signal of a parent's death that a process
 * may turn off for itself.
 */
_Noreturn static void outlive(void) {
  (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  ignore_signals();
  const pid_t child = fork();
  if (child == 0) {
    (void)setsid();
    stay();
  }
  ready();
}

/* The same by one process, which a filter without fork leaves. */
_Noreturn static void outlive_alone(void) {
  (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  ready();
}

const struct attempt linger_attempts[] = {
  {"outlive-supervisor", outlive},
  {"outlive-supervisor-alone", outlive_alone},
  {"stay-ignoring-signals", stubborn},
  {"stay-as-orphan", orphan},
  {"stay-in-other-group", other_group},
  {"stay-after-own-death", leave_child},
  {NULL, NULL},
};
