/*
 * Fixture: makes system calls under a filter that stage B has installed, each in a process of its own.
 *
 *   policy-calls drive STAGE_B FILTER   reads lines `number argument{6}` (hexadecimal) and starts `policy-calls call` behind stage B for each; answers
 *                                       "signal N" or "status N" in the same order. As root the calls are made as nobody.
 *   policy-calls call NUMBER ARGUMENT…  makes one call and ends with its errno, 0 when it worked. Calls nothing else: it is static, and musl's start
 *                                       takes two calls that every policy has.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILTER_FD 5
#define NOBODY 65534
/* A call that waits was let in. */
#define PATIENCE_MS 1000

static int make_call(char **words)
{
	unsigned long value[7];

	for (int index = 0; index < 7; index++)
		value[index] = strtoul(words[index], NULL, 16);
	errno = 0;
	long result = syscall((long)value[0], value[1], value[2], value[3], value[4], value[5], value[6]);

	syscall(SYS_exit_group, result == -1 ? errno : 0);
	return 0;
}

static void become_call(const char *self, const char *stage_b, const char *filter, char **words)
{
	char *args[16] = {(char *)stage_b, "--seccomp", "5", "--", (char *)self, "call"};
	char *none[] = {NULL};
	int fd = open(filter, O_RDONLY);

	for (int index = 0; index < 7; index++)
		args[6 + index] = words[index];
	if (fd < 0 || dup2(fd, FILTER_FD) < 0)
		_exit(200);
	if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(201);
	execve(stage_b, args, none);
	_exit(202);
}

static void answer(pid_t child)
{
	int status;
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0 || (poll(&ended, 1, PATIENCE_MS) == 0 && kill(child, SIGKILL) < 0) || waitpid(child, &status, 0) != child)
		exit(1);
	close(pidfd);
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("status %d\n", WEXITSTATUS(status));
}

int main(int count, char **words)
{
	char line[512];

	if (count == 9 && strcmp(words[1], "call") == 0)
		return make_call(words + 2);
	if (count != 4 || strcmp(words[1], "drive") != 0)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		char *call[7] = {NULL};
		char *rest = line;

		for (int index = 0; index < 7; index++)
			if (!(call[index] = strtok_r(rest, " \n", &rest)))
				return 2;
		pid_t child = fork();

		if (child == 0)
			become_call(words[0], words[2], words[3], call);
		if (child < 0)
			return 1;
		answer(child);
	}
	return 0;
}
