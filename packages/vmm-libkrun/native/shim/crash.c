#include "crash.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#define MAX_LINE 256
#define THREAD_NAME_BYTES 16

/* The line is put together without stdio: a handler may call almost nothing (signal-safety(7)). */
struct line {
	char text[MAX_LINE];
	size_t length;
};

static void put(struct line *line, const char *text)
{
	while (*text && line->length < sizeof(line->text) - 1)
		line->text[line->length++] = *text++;
}

static void put_number(struct line *line, uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	put(line, digits + at);
}

static const char *signal_name(int number)
{
	switch (number) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGILL:
		return "SIGILL";
	case SIGFPE:
		return "SIGFPE";
	case SIGABRT:
		return "SIGABRT";
	case SIGSYS:
		return "SIGSYS";
	}
	return "a signal";
}

static void describe(struct line *line, int number, const siginfo_t *info)
{
	char thread[THREAD_NAME_BYTES] = "";

	put(line, PROGRAM ": crash: ");
	put(line, signal_name(number));
	if (number == SIGSYS) {
		put(line, ", system call ");
		put_number(line, (uint64_t)(unsigned)info->si_syscall, 10);
		put(line, " is not allowed");
	} else if (number != SIGABRT) {
		put(line, " at address 0x");
		put_number(line, (uint64_t)(uintptr_t)info->si_addr, 16);
	}
	if (prctl(PR_GET_NAME, thread) == 0) {
		put(line, " in thread ");
		/* Named by libkrun; nothing of the guest's. */
		thread[sizeof(thread) - 1] = '\0';
		put(line, thread);
	}
	put(line, "\n");
}

static void crashed(int number, siginfo_t *info, void *context)
{
	struct line line = {.length = 0};
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t set;

	(void)context;
	describe(&line, number, info);
	/* Nobody is left to tell if this fails; the wait status is what remains. */
	(void)(write(STDERR_FILENO, line.text, line.length) == 0);
	(void)sigaction(number, &standard, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
	/* Only the first process of a pid namespace comes here: it does not die of its own signals. A wrapper reports a signal as this status. */
	_exit(128 + number);
}

void crash_watch(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
	/* Threads that have an alternate stack use it; a stack that ran over cannot hold the handler. */
	struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	/* A frame of arm64 with SVE registers takes more than the 16 KiB that would do elsewhere. */
	static char stack[65536];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

	(void)sigaltstack(&alternate, NULL);
	(void)sigfillset(&action.sa_mask);
	for (size_t index = 0; index < sizeof(signals) / sizeof(signals[0]); index++)
		if (sigaction(signals[index], &action, NULL) < 0)
			give_up(EXIT_MACHINE, "cannot watch for %s", signal_name(signals[index]));
	/* A console or log pipe without a reader is no reason to end a machine. */
	(void)signal(SIGPIPE, SIG_IGN);
}

/*
 * How Rust unwinds a panic, called once its message is on stderr. Unwinding ends one thread and leaves a machine without a processor or a disk;
 * here every panic ends the machine instead, with its message as the reason. libkrun finds this one because symbols of the program come first.
 */
struct _Unwind_Exception;
int _Unwind_RaiseException(struct _Unwind_Exception *exception);

int _Unwind_RaiseException(struct _Unwind_Exception *exception)
{
	(void)exception;
	abort();
}
