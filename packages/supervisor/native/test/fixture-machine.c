/*
 * A VMM without a machine: does what a VMM does to its host, and plays kernel and agent. For the mutants of the VmmHandler suite.
 *   --kernel <path> --append <parameters> --disk <format>:<mode>:<path> ... --agent <socket> --monitor <listening descriptor>
 *   --sniff   guesses the formats of disks, as a careless VMM does
 *   --deaf    ignores SHUTDOWN
 *   --state <descriptor> --memory-file <path>   goes on from what an earlier one of the same shape was captured as
 * The kernel must be an ELF file; a disk of format qcow2 must begin as one, and its backing file must open. The kernel parameters decide
 * what runs: `rootwait` nothing, `init=/no/...` or a root that is none a panic, else an agent that answers REQUEST with RESPONSE until SHUTDOWN.
 * The guest has 64 bytes of memory: a REQUEST `keep <text>` writes them, `kept` reads them, `size` tells the size of the first disk.
 * The monitor reads one byte a connection: 'p' pauses the agent, 'r' resumes it; the answer is the same byte. '?' is answered with 'p' or 'r', whichever
 * it is; 'm' with the memory and 's' with the state: a line of the shape, and the sum of the memory.
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
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"

enum { MAX_DISKS = 16, QCOW2_HEADER = 104, MEMORY = 64 };

static char memory[MEMORY];

static struct {
	const char *kernel, *parameters, *agent;
	const char *disks[MAX_DISKS];
	const char *memory_file, *memory_size, *vcpus;
	int disk_count, monitor, state;
	bool sniff, deaf;
} machine = {.kernel = "", .parameters = "", .agent = "", .memory_file = "", .memory_size = "", .vcpus = "", .monitor = -1, .state = -1};

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
		else if (strcmp(argv[at - 1], "--state") == 0)
			machine.state = atoi(value);
		else if (strcmp(argv[at - 1], "--memory-file") == 0)
			machine.memory_file = value;
		else if (strcmp(argv[at - 1], "--memory") == 0)
			machine.memory_size = value;
		else if (strcmp(argv[at - 1], "--vcpus") == 0)
			machine.vcpus = value;
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

static void write_state(char *text, size_t size)
{
	unsigned sum = 0;

	for (int at = 0; at < MEMORY; at++)
		sum = sum * 31 + (uint8_t)memory[at];
	snprintf(text, size, "model %s MiB %s CPUs %d disks sum %u\n", machine.memory_size, machine.vcpus, machine.disk_count, sum);
}

static void go_on(void)
{
	char expected[128], found[128] = "", more;
	int fd = open(machine.memory_file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, memory, MEMORY) != MEMORY || read(fd, &more, 1) != 0)
		fail("%s is no memory of this machine", machine.memory_file);
	close(fd);
	write_state(expected, sizeof(expected));
	if (read(machine.state, found, sizeof(found) - 1) < 0 || strcmp(expected, found) != 0)
		fail("the state is not of this machine and this memory");
	close(machine.state);
}

static void answer_monitor(int fd, char order, bool paused)
{
	char text[128];
	size_t size = 1;

	text[0] = order == '?' ? (paused ? 'p' : 'r') : order;
	if (order == 's')
		write_state(text, sizeof(text));
	if (order == 's')
		size = strlen(text);
	if (order == 'm')
		memcpy(text, memory, size = MEMORY);
	if (write(fd, text, size) != (ssize_t)size)
		fprintf(stderr, "the monitor was left\n");
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
		answer_monitor(fd, order, paused);
	}
	close(fd);
	return paused;
}

static void answer(int agent, const struct frame *frame)
{
	const char *payload = (const char *)frame->payload;
	char text[MEMORY + 1] = "pong", size[32];
	struct stat status;

	if (frame->length > 5 && frame->length - 5 < MEMORY && memcmp(payload, "keep ", 5) == 0) {
		memset(memory, 0, MEMORY);
		memcpy(memory, payload + 5, frame->length - 5);
	} else if (frame->length == 4 && memcmp(payload, "kept", 4) == 0) {
		memcpy(text, memory, MEMORY);
		text[MEMORY] = '\0';
	} else if (frame->length == 4 && memcmp(payload, "size", 4) == 0) {
		const char *mode = strchr(machine.disks[0], ':');

		if (stat(strchr(mode + 1, ':') + 1, &status) < 0)
			fail("size: %s", strerror(errno));
		snprintf(size, sizeof(size), "%lld", (long long)status.st_size);
		return send_frame(agent, FRAME_RESPONSE, frame->stream, size);
	}
	send_frame(agent, FRAME_RESPONSE, frame->stream, text);
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
				answer(agent, &frame);
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
	if (machine.state >= 0)
		go_on();
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
