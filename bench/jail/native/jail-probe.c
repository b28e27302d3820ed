/*
 * Takes a VMM's place in bench/jail: says when it runs, by the clock all processes of a machine share, and what system calls cost it.
 * Its calls are those every policy allows; openat, since no policy needs open.
 *
 *   jail-probe            writes `running <ns>` and ends
 *   jail-probe <calls>    writes `null <ns>` and `pread <ns>` too, the time of one call, over as many calls
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		_exit(3);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say(const char *name, double nanoseconds)
{
	char line[64];
	int size = snprintf(line, sizeof(line), "%s %.1f\n", name, nanoseconds);

	if (size < 0 || (size_t)size >= sizeof(line) || write(STDOUT_FILENO, line, (size_t)size) != size)
		_exit(4);
}

/* `size` bytes of a file that is in memory, the program's own. The kernel does next to nothing for none: what a filter adds shows whole. */
static double time_pread(int fd, size_t size, long calls)
{
	static char page[4096];
	int64_t begun = now_ns();

	for (long call = 0; call < calls; call++)
		if (pread(fd, page, size, 0) != (ssize_t)size)
			_exit(5);
	return (double)(now_ns() - begun) / (double)calls;
}

int main(int argc, char **argv)
{
	int64_t started = now_ns();
	long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	say("running", (double)started);
	if (calls <= 0)
		return 0;
	int fd = openat(AT_FDCWD, argv[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 6;
	say("null", time_pread(fd, 0, calls));
	say("pread", time_pread(fd, 4096, calls));
	return 0;
}
