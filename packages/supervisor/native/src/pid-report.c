#include "pid-report.h"

#include <string.h>

#define KEY "\"child-pid\""
/* PID_MAX_LIMIT of the kernel, include/linux/threads.h. */
#define MAX_PID 4194304

static size_t skip_blanks(const char *text, size_t size, size_t at)
{
	while (at < size && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
		at++;
	return at;
}

bool pid_report_parse(const char *text, size_t size, pid_t *pid)
{
	const char *found = memmem(text, size, KEY, sizeof(KEY) - 1);
	size_t at;
	long number = 0;

	if (!found)
		return false;
	at = skip_blanks(text, size, (size_t)(found - text) + sizeof(KEY) - 1);
	if (at >= size || text[at] != ':')
		return false;
	at = skip_blanks(text, size, at + 1);
	for (; at < size && text[at] >= '0' && text[at] <= '9' && number <= MAX_PID; at++)
		number = number * 10 + (text[at] - '0');
	/* Without a character behind it the number may go on. */
	if (at >= size || number <= 1 || number > MAX_PID)
		return false;
	*pid = (pid_t)number;
	return true;
}
