#include "process-info.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Deep enough for wrapper, reaper, launcher script and VMM; short enough that a loop in a torn read ends. */
#define MAX_ANCESTORS 16

static ssize_t read_text(const char *path, char *text, size_t capacity)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((got = read(fd, text + length, capacity - 1 - length)) > 0)
		length += (size_t)got;
	(void)close(fd);
	if (got < 0)
		return -1;
	text[length] = '\0';
	return (ssize_t)length;
}

bool process_info(pid_t pid, struct process_info *info)
{
	char path[64];
	char text[1024];
	char *field;
	unsigned long long start;
	int parent;

	if (snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid) < 0 || read_text(path, text, sizeof(text)) < 0)
		return false;
	/* The name in field 2 is the process's own choice and may hold blanks and parentheses: fields count from the last one. */
	field = strrchr(text, ')');
	if (!field)
		return false;
	if (sscanf(field + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &parent,
		   &start) != 2)
		return false;
	info->parent = (pid_t)parent;
	info->start_time = start;
	return true;
}

bool process_descends(pid_t pid, pid_t ancestor)
{
	struct process_info info;

	for (int step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
		if (pid == ancestor)
			return true;
		if (!process_info(pid, &info))
			return false;
		pid = info.parent;
	}
	return false;
}

int kill_children(void)
{
	char path[64];
	char text[4096];
	char *at = text;
	int found = 0;

	if (snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid()) < 0 ||
	    read_text(path, text, sizeof(text)) <= 0)
		return 0;
	for (;;) {
		char *rest;
		long pid = strtol(at, &rest, 10);

		/* A number cut at the end of the buffer has no blank behind it and is left for the next round. */
		if (rest == at || *rest != ' ' || pid <= 1)
			return found;
		if (kill((pid_t)pid, SIGKILL) == 0)
			found++;
		at = rest;
	}
}
