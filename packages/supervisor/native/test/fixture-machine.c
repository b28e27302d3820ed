/*
 * A VMM without a machine: does what a VMM does to its host, and plays kernel and agent. For the mutants of the VmmHandler suite.
 *   --kernel <path> --append <parameters> --disk <format>:<mode>:<path> ... --agent <socket> --monitor <listening descriptor>
 *   --sniff   guesses the formats of disks, as a careless VMM does
 *   --deaf    ignores SHUTDOWN
 * The kernel must be an ELF file; a disk of format qcow2 must begin as one, and its backing file must open. The kernel parameters decide
 * what runs: `rootwait` nothing, `init=/no/...` or a root that is none a panic, else an agent that answers REQUEST with RESPONSE until SHUTDOWN.
 * The monitor reads one byte a connection: 'p' pauses the agent, 'r' resumes it; the answer is the same byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"

enum { MAX_DISKS = 16, QCOW2_HEADER = 104 };

static struct {
	const char *kernel, *parameters, *agent;
	const char *disks[MAX_DISKS];
	int disk_count, monitor;
	bool sniff, deaf;
} machine = {.kernel = "", .parameters = "", .agent = "", .monitor = -1};

static _Noreturn void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	_exit(1);
}

static void parse(int argc, char **argv)
{
	for (int at = 1; at < argc; at++) {
		const char *value = at + 1 < argc ? argv[at + 1] : "";

		if (strcmp(argv[at], "--sniff") == 0)
			machine.sniff = true;
		else if (strcmp(argv[at], "--deaf") == 0)
			machine.deaf = true;
		else if (++at, strcmp(argv[at - 1], "--kernel") == 0)
			machine.kernel = value;
		else if (strcmp(argv[at - 1], "--append") == 0)
			machine.parameters = value;
		else if (strcmp(argv[at - 1], "--agent") == 0)
			machine.agent = value;
		else if (strcmp(argv[at - 1], "--monitor") == 0)
			machine.monitor = atoi(value);
		else if (strcmp(argv[at - 1], "--disk") == 0 && machine.disk_count < MAX_DISKS)
			machine.disks[machine.disk_count++] = value;
	}
}

static ssize_t read_start(const char *path, int mode, uint8_t *bytes, size_t size)
{
	int fd = open(path, mode | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : pread(fd, bytes, size, 0);

	if (got < 0)
		fail("cannot open %s: %s", path, strerror(errno));
	close(fd);
	return got;
}

static void load_kernel(void)
{
	uint8_t bytes[4];

	if (read_start(machine.kernel, O_RDONLY, bytes, sizeof(bytes)) != 4 || memcmp(bytes, "\177ELF", 4) != 0)
		fail("%s is no kernel", machine.kernel);
}

static uint64_t big_endian(const uint8_t *bytes, int size)
{
	uint64_t value = 0;

	for (int at = 0; at < size; at++)
		value = value << 8 | bytes[at];
	return value;
}

static void open_disk(const char *disk)
{
	const char *mode = strchr(disk, ':'), *path = mode ? strchr(mode + 1, ':') : NULL;
	uint8_t bytes[4096] = {0};

	if (!path++)
		fail("--disk %s", disk);
	ssize_t got = read_start(path, strncmp(mode, ":ro:", 4) == 0 ? O_RDONLY : O_RDWR, bytes, sizeof(bytes) - 1);
	bool is_qcow2 = got >= QCOW2_HEADER && memcmp(bytes, "QFI\xfb", 4) == 0;

	if (strncmp(disk, "qcow2:", 6) == 0 && !is_qcow2)
		fail("%s: not in qcow2 format", path);
	if (!is_qcow2 || (strncmp(disk, "qcow2:", 6) != 0 && !machine.sniff))
		return;
	uint64_t offset = big_endian(bytes + 8, 8), length = big_endian(bytes + 16, 4);

	if (offset == 0 || offset + length >= sizeof(bytes))
		return;
	bytes[offset + length] = '\0';
	read_start((const char *)bytes + offset, O_RDONLY, (uint8_t[1]){0}, 1);
}

/* The root file system is a disk that begins with the word; `root=/dev/vdz` is none of them and waited for. */
static bool root_is_there(void)
{
	const char *root = strstr(machine.parameters, "root=/dev/vd");
	int index = root ? root[strlen("root=/dev/vd")] - 'a' : 0;
	uint8_t bytes[4] = {0};

	if (index < 0 || index >= machine.disk_count)
		return strstr(machine.parameters, "rootwait") != NULL;
	return read_start(strchr(strchr(machine.disks[index], ':') + 1, ':') + 1, O_RDONLY, bytes, sizeof(bytes)) == 4 &&
	       memcmp(bytes, "root", 4) == 0;
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(machine.agent) >= sizeof(address.sun_path))
		fail("socket");
	strcpy(address.sun_path, machine.agent);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("%s: %s", machine.agent, strerror(errno));
	return fd;
}

static void send_frame(int agent, uint8_t type, uint32_t stream, const char *text)
{
	struct frame frame = {.length = (uint32_t)strlen(text), .type = type, .flags = 1};
	uint8_t bytes[FRAME_HEADER + 256];

	frame_header(bytes, &frame, stream);
	memcpy(bytes + FRAME_HEADER, text, frame.length);
	if (write(agent, bytes, FRAME_HEADER + frame.length) < 0)
		_exit(0);
}

/* One order of the monitor; returns whether the guest is paused from now on. */
static bool monitor(bool paused)
{
	int fd = accept4(machine.monitor, NULL, NULL, SOCK_CLOEXEC);
	char order;

	if (fd < 0)
		return paused;
	if (read(fd, &order, 1) == 1) {
		paused = order == 'p' || (paused && order != 'r');
		if (write(fd, &order, 1) != 1)
			fprintf(stderr, "the monitor was left\n");
	}
	close(fd);
	return paused;
}

static void serve(int agent)
{
	static uint8_t bytes[FRAME_MAX];
	struct pollfd polled[2] = {{.fd = machine.monitor, .events = POLLIN}, {.fd = agent, .events = POLLIN}};
	struct frame frame;
	size_t length = 0;
	long size;
	bool paused = false;

	for (;;) {
		polled[1].fd = paused ? -1 : agent;
		if (poll(polled, 2, -1) < 0)
			fail("poll: %s", strerror(errno));
		if (polled[0].revents)
			paused = monitor(paused);
		if (!polled[1].revents || paused)
			continue;
		ssize_t got = read(agent, bytes + length, sizeof(bytes) - length);

		if (got <= 0)
			return;
		length += (size_t)got;
		while ((size = frame_parse(bytes, length, &frame)) > 0) {
			if (frame.type == FRAME_SHUTDOWN && !machine.deaf)
				return;
			if (frame.type == FRAME_REQUEST)
				send_frame(agent, FRAME_RESPONSE, frame.stream, "pong");
			if (frame.type == FRAME_SLOT_GONE)
				send_frame(agent, FRAME_SLOT_GONE, frame.stream, "");
			memmove(bytes, bytes + size, length - (size_t)size);
			length -= (size_t)size;
		}
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	load_kernel();
	for (int at = 0; at < machine.disk_count; at++)
		open_disk(machine.disks[at]);
	if (strstr(machine.parameters, "init=/no/") || !root_is_there()) {
		printf("Kernel panic - not syncing: no working init\n");
		return 0;
	}
	if (strstr(machine.parameters, "rootwait")) {
		struct pollfd polled = {.fd = machine.monitor, .events = POLLIN};
		bool paused = false;

		while (poll(&polled, 1, -1) > 0)
			paused = monitor(paused);
		return 1;
	}
	int agent = dial();

	send_frame(agent, FRAME_HELLO, 0, "hello");
	serve(agent);
	return 0;
}
