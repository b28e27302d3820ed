/*
 * Plays the VMM and its guest agent. The arguments are steps, run in order:
 *   dial <socket>      connects to the agent socket
 *   hello <text>       sends HELLO
 *   raw <hex>          sends bytes as they are
 *   noise <seed> <n>   sends n pseudo-random bytes, in frames with plausible headers now and then
 *   answer <text>      waits until it is asked for its HELLO, and sends it
 *   serve              answers frames until SHUTDOWN
 *   stubborn           like serve, but ignores SHUTDOWN and SIGTERM
 *   acknowledge        serve acknowledges what it reads from here on
 *   stall              stays without reading
 *   out|err <text>     writes a line to stdout or stderr
 *   flood <bytes>      writes that many bytes of lines to stdout
 *   flood-errors <bytes>
 *   fds | limits | cat lists open descriptors, prints limits, copies stdin, all to stdout
 *   fd <n>             copies descriptor n to stdout
 *   await <fifo>       waits until somebody has opened and closed its other end
 *   accept <n>         accepts one connection on the listening descriptor n and greets it
 *   hang-up            closes the agent link
 *   orphan             leaves a process of its own session behind and prints its pid
 *   exit <status> | signal <number>
 * A REQUEST whose payload starts with '!' is such a step too (`!exit 3`); other payloads come back in a RESPONSE.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"

static int agent = -1;
static bool acknowledging;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fixture: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void send_bytes(const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = write(agent, bytes, size);

		if (sent < 0)
			die("agent link");
		bytes += sent;
		size -= (size_t)sent;
	}
}

static void send_frame(uint8_t type, uint32_t stream, uint8_t channel, uint16_t flags, const uint8_t *payload, uint32_t length)
{
	struct frame frame = {.length = length, .type = type, .channel = channel, .flags = flags};
	uint8_t header[FRAME_HEADER];

	frame_header(header, &frame, stream);
	send_bytes(header, sizeof(header));
	send_bytes(payload, length);
}

static void dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	agent = socket(AF_UNIX, SOCK_STREAM, 0);
	if (strlen(path) >= sizeof(address.sun_path) || agent < 0)
		die(path);
	strcpy(address.sun_path, path);
	if (connect(agent, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
}

static void send_hex(const char *hex)
{
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		send_bytes(&(uint8_t){(uint8_t)byte}, 1);
}

static void send_noise(const char *seed, const char *count)
{
	uint64_t state = strtoull(seed, NULL, 10) * 2654435761u + 1;

	for (long left = atol(count); left > 0; left--) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		uint8_t byte = (uint8_t)(state >> 56);

		if (write(agent, &byte, 1) != 1)
			return;
	}
}

static void list_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[256];

	if (!directory)
		die("/proc/self/fd");
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(directory))
			continue;
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

		if (length < 0)
			die(entry->d_name);
		target[length] = '\0';
		printf("fd %s %s\n", entry->d_name, target);
	}
	closedir(directory);
}

static void print_limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = {{"nofile", RLIMIT_NOFILE}, {"fsize", RLIMIT_FSIZE}, {"as", RLIMIT_AS},
		      {"cpu", RLIMIT_CPU},	 {"core", RLIMIT_CORE},	  {"nproc", RLIMIT_NPROC}};

	for (size_t index = 0; index < sizeof(limits) / sizeof(limits[0]); index++) {
		struct rlimit limit;

		if (getrlimit(limits[index].resource, &limit) < 0)
			die("getrlimit");
		printf("limit %s %lld\n", limits[index].name, (long long)limit.rlim_max);
	}
	printf("group %d\n", getpgrp() == getpid());
}

static void copy_fd(int fd)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)got) != got)
			die("stdout");
	if (got < 0)
		die("read");
}

static void await_fifo(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, &byte, 1) < 0)
		die(path);
	close(fd);
}

static void accept_one(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || write(fd, "monitor\n", 8) != 8)
		die("accept");
	close(fd);
}

static void flood(int fd, long bytes)
{
	static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop\n";

	for (; bytes > 0; bytes -= (long)sizeof(line) - 1)
		if (write(fd, line, sizeof(line) - 1) < 0)
			return;
}

static void leave_orphan(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		for (;;)
			pause();
	}
	printf("orphan %ld\n", (long)pid);
}

static void serve(bool stubborn);

static void await_question(void)
{
	uint8_t bytes[FRAME_HEADER];
	struct frame frame;

	if (read(agent, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) || frame_parse(bytes, sizeof(bytes), &frame) != FRAME_HEADER ||
	    frame.type != FRAME_HELLO || frame.stream != 0)
		die("the question");
}

/* Runs the step at `words[0]`. Returns how many words it took. */
static int run_step(char **words, int count)
{
	const char *step = words[0];
	const char *first = count > 1 ? words[1] : "";
	const char *second = count > 2 ? words[2] : "";

	if (strcmp(step, "dial") == 0)
		return dial(first), 2;
	if (strcmp(step, "hello") == 0)
		return send_frame(FRAME_HELLO, 0, 0, 0, (const uint8_t *)first, (uint32_t)strlen(first)), 2;
	if (strcmp(step, "answer") == 0) {
		await_question();
		return send_frame(FRAME_HELLO, 0, 0, 0, (const uint8_t *)first, (uint32_t)strlen(first)), 2;
	}
	if (strcmp(step, "raw") == 0)
		return send_hex(first), 2;
	if (strcmp(step, "noise") == 0)
		return send_noise(first, second), 3;
	if (strcmp(step, "serve") == 0 || strcmp(step, "stubborn") == 0)
		return serve(step[1] == 't'), 1;
	if (strcmp(step, "acknowledge") == 0)
		return acknowledging = true, 1;
	if (strcmp(step, "out") == 0)
		return printf("%s\n", first), 2;
	if (strcmp(step, "err") == 0)
		return fprintf(stderr, "%s\n", first), 2;
	if (strcmp(step, "flood") == 0)
		return flood(STDOUT_FILENO, atol(first)), 2;
	if (strcmp(step, "flood-errors") == 0)
		return flood(STDERR_FILENO, atol(first)), 2;
	if (strcmp(step, "fds") == 0)
		return list_fds(), 1;
	if (strcmp(step, "limits") == 0)
		return print_limits(), 1;
	if (strcmp(step, "cat") == 0)
		return copy_fd(STDIN_FILENO), 1;
	if (strcmp(step, "fd") == 0)
		return copy_fd(atoi(first)), 2;
	if (strcmp(step, "await") == 0)
		return await_fifo(first), 2;
	if (strcmp(step, "accept") == 0)
		return accept_one(atoi(first)), 2;
	if (strcmp(step, "orphan") == 0)
		return leave_orphan(), 1;
	if (strcmp(step, "hang-up") == 0)
		return close(agent), 1;
	if (strcmp(step, "exit") == 0)
		_exit(atoi(first));
	if (strcmp(step, "signal") == 0)
		return raise(atoi(first)), 2;
	while (strcmp(step, "stall") == 0)
		pause();
	errno = EINVAL;
	die(step);
}

/* `!flood-stream`: DATA on the stream until the supervisor is gone. */
static _Noreturn void flood_stream(uint32_t stream)
{
	static uint8_t payload[32768];

	for (;;)
		send_frame(FRAME_DATA, stream, 1, 0, payload, sizeof(payload));
}

static void request(const struct frame *frame)
{
	static char text[FRAME_MAX_PAYLOAD + 1];
	char *words[4];
	int count = 0;

	memcpy(text, frame->payload, frame->length);
	text[frame->length] = '\0';
	if (strncmp(text, "!flood-stream", 13) == 0)
		flood_stream(frame->stream);
	if (strncmp(text, "!data ", 6) == 0) {
		/* So many frames of 32 KiB, then the end. */
		static uint8_t payload[32768];

		for (long left = atol(text + 6); left > 0; left--)
			send_frame(FRAME_DATA, frame->stream, 1, 0, payload, sizeof(payload));
	} else if (text[0] == '!') {
		for (char *word = strtok(text + 1, " "); word && count < 4; word = strtok(NULL, " "))
			words[count++] = word;
		run_step(words, count);
	}
	send_frame(FRAME_RESPONSE, frame->stream, 0, 1, frame->payload, frame->length);
}

static void acknowledge(uint32_t size)
{
	uint8_t payload[4];

	write_u32(payload, size);
	send_frame(FRAME_LINK_ACK, 0, 0, 0, payload, sizeof(payload));
}

static void serve(bool stubborn)
{
	static uint8_t bytes[FRAME_MAX];
	struct frame frame;
	size_t length = 0;
	long size;
	ssize_t got;

	if (stubborn)
		signal(SIGTERM, SIG_IGN);
	while ((got = read(agent, bytes + length, sizeof(bytes) - length)) > 0) {
		length += (size_t)got;
		while ((size = frame_parse(bytes, length, &frame)) > 0) {
			if (frame.type == FRAME_SHUTDOWN && !stubborn)
				return;
			if (frame.type == FRAME_LINK_ACK)
				printf("acknowledged %u\n", read_u32(frame.payload));
			else if (acknowledging && frame.type != FRAME_HELLO)
				acknowledge((uint32_t)size);
			if (frame.type == FRAME_REQUEST)
				request(&frame);
			else if (frame.type == FRAME_DATA)
				send_frame(FRAME_DATA, frame.stream, frame.channel, frame.flags, frame.payload, frame.length);
			else if (frame.type == FRAME_SLOT_GONE) {
				printf("slot %u gone\n", frame.stream >> 16);
				send_frame(FRAME_SLOT_GONE, frame.stream, 0, 0, NULL, 0);
			}
			memmove(bytes, bytes + size, length - (size_t)size);
			length -= (size_t)size;
		}
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int at = 1; at < argc;)
		at += run_step(argv + at, argc - at);
	return 0;
}
