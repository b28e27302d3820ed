#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_path(const char *path, int flags, mode_t mode)
{
	if (strcmp(path, CONSOLE_PATH) == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return openat(AT_FDCWD, path, flags, mode);
}

/* What libraries loaded by this program call for `open`: symbols of the program come first in the search. */
#define DEFINE_OPEN(name)                                                                                              \
	int name(const char *path, int flags, ...)                                                                      \
	{                                                                                                              \
		mode_t mode = 0;                                                                                       \
                                                                                                                       \
		if (flags & (O_CREAT | O_TMPFILE)) {                                                                   \
			va_list arguments;                                                                             \
                                                                                                                       \
			va_start(arguments, flags);                                                                    \
			mode = (mode_t)va_arg(arguments, int);                                                         \
			va_end(arguments);                                                                             \
		}                                                                                                      \
		return open_path(path, flags, mode);                                                                   \
	}

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
