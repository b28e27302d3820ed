#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ending.h"
#include "loop.h"

#define STDERR_MAX_BYTES (1024 * 1024)
/* More than this in a pipe at the end comes from a process that outlived the box: it is not waited for. */
#define DRAIN_MAX_BYTES (1024 * 1024)

struct log {
	struct watch watch; /* first, so that a handler finds its log */
	struct place place;
	int fd;
	off_t size;
	off_t limit;
	bool rotates;
	struct tail tail;
};

static void log_ready(struct watch *watch, uint32_t events);

static uint8_t console_bytes[CONSOLE_TAIL_BYTES];
static uint8_t stderr_bytes[STDERR_TAIL_BYTES];
static struct log console = {
	.watch = {.fd = -1, .ready = log_ready}, .fd = -1, .rotates = true, .tail = {console_bytes, CONSOLE_TAIL_BYTES, 0, 0}};
static struct log errors = {
	.watch = {.fd = -1, .ready = log_ready}, .fd = -1, .limit = STDERR_MAX_BYTES, .tail = {stderr_bytes, STDERR_TAIL_BYTES, 0, 0}};

/* Keeps one file of the past. When that fails the log is at its limit and drops what comes. */
static void rotate(struct log *log)
{
	char old[256];

	if (snprintf(old, sizeof(old), "%s.1", log->place.name) >= (int)sizeof(old) ||
	    renameat(log->place.dir, log->place.name, log->place.dir, old) < 0)
		return;
	if (log->fd >= 0)
		(void)close(log->fd);
	log->fd = place_append(&log->place, &log->size);
}

static void keep(struct log *log, const uint8_t *bytes, size_t size)
{
	tail_add(&log->tail, bytes, size);
	while (size > 0) {
		if (log->size >= log->limit && log->rotates)
			rotate(log);
		off_t room = log->limit - log->size;
		size_t part = (off_t)size < room ? size : (size_t)(room > 0 ? room : 0);
		ssize_t wrote = log->fd >= 0 && part > 0 ? write(log->fd, bytes, part) : -1;

		/* A full disk or a file at its limit loses output; it never holds up the VMM. */
		if (wrote <= 0)
			return;
		log->size += wrote;
		bytes += wrote;
		size -= (size_t)wrote;
	}
}

/* Reads once. Returns the bytes, 0 when there is nothing now, -1 at the end. */
static ssize_t follow(struct log *log, int fd)
{
	static uint8_t chunk[16384];
	ssize_t got = read(fd, chunk, sizeof(chunk));

	if (got > 0)
		keep(log, chunk, (size_t)got);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return got == 0 ? -1 : got;
}

static void log_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	if (follow((struct log *)watch, watch->fd) < 0)
		loop_forget(watch);
}

bool output_open(const char *console_file, uint64_t console_max_bytes, const char *stderr_file, const char **step)
{
	console.limit = (off_t)console_max_bytes;
	*step = "console";
	if (!place_open(&console.place, console_file) || (console.fd = place_append(&console.place, &console.size)) < 0)
		return false;
	*step = "stderr";
	if (!place_open(&errors.place, stderr_file) || (errors.fd = place_append(&errors.place, &errors.size)) < 0)
		return false;
	/* What an earlier VMM wrote would be taken for this one's. */
	errors.size = 0;
	return ftruncate(errors.fd, 0) == 0;
}

bool output_follow(const struct vmm *vmm)
{
	console.watch.fd = vmm->console;
	errors.watch.fd = vmm->errors;
	return loop_watch(&console.watch, EPOLLIN) && loop_watch(&errors.watch, EPOLLIN);
}

static void drain(struct log *log, int fd)
{
	ssize_t got;
	ssize_t total = 0;

	while (fd >= 0 && total < DRAIN_MAX_BYTES && (got = follow(log, fd)) > 0)
		total += got;
}

void output_drain(const struct vmm *vmm)
{
	drain(&console, vmm->console);
	drain(&errors, vmm->errors);
}

const struct tail *output_console_tail(void)
{
	return &console.tail;
}

const struct tail *output_stderr_tail(void)
{
	return &errors.tail;
}

int output_console_dir(void)
{
	return console.place.dir;
}
