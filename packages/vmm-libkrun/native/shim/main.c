/*
 * The process that becomes a libkrun machine. Everything it is told comes as one JSON document on stdin; it takes no arguments and looks at no
 * environment variable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "crash.h"
#include "library.h"
#include "machine.h"
#include "report.h"

/* To the end of stdin, and one byte more than may be there. */
static size_t read_document(char *text, size_t room)
{
	size_t size = 0;

	while (size < room) {
		ssize_t got = read(STDIN_FILENO, text + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			give_up(EXIT_CONFIG, "cannot read the configuration from stdin: %s", strerror(errno));
		if (got == 0)
			return size;
		size += (size_t)got;
	}
	give_up(EXIT_CONFIG, "the configuration is larger than %d bytes", CONFIG_MAX_BYTES);
}

/* libkrun treats a terminal on stdin as the console; whatever was there, it is not one. */
static void close_stdin(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		give_up(EXIT_CONFIG, "cannot open /dev/null: %s", strerror(errno));
	if (null != STDIN_FILENO)
		(void)close(null);
}

int main(int count, char **arguments)
{
	static char document[CONFIG_MAX_BYTES + 1];
	static struct config config;
	static struct library library;
	struct schema_error error;

	(void)arguments;
	if (count > 1)
		give_up(EXIT_CONFIG, "takes no arguments; the configuration is read from stdin");
	crash_watch();
	size_t size = read_document(document, sizeof(document));

	if (!config_parse(&config, document, size, &error))
		give_up(EXIT_CONFIG, "config: %s%s%s", error.field, error.field[0] ? " " : "", error.reason);
	close_stdin();
	library_load(&library, &config);
	machine_run(&library, &config);
}
