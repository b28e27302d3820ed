#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 1024

void give_up(int status, const char *format, ...)
{
	char line[MAX_LINE] = PROGRAM ": ";
	const size_t prefix = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	int size = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
	va_end(arguments);
	size_t length = prefix + (size < 0 ? 0 : (size_t)size < sizeof(line) - prefix - 1 ? (size_t)size : sizeof(line) - prefix - 2);

	/* One line: what is quoted comes from the configuration. */
	for (size_t index = 0; index < length; index++)
		if ((unsigned char)line[index] < 0x20 || line[index] == 0x7f)
			line[index] = '?';
	line[length] = '\n';
	/* Nobody is left to tell when stderr is gone. */
	(void)(write(STDERR_FILENO, line, length + 1) == 0);
	_exit(status);
}
