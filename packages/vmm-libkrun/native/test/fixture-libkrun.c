/*
 * A library that plays libkrun: says every call on stderr and ends as the name of the kernel tells. WITHOUT_<NAME> leaves a function out, as builds
 * without a feature and older versions do.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAY(...) dprintf(STDERR_FILENO, __VA_ARGS__)

static char kernel[4096];
static char console[4096];

int32_t krun_init_log(int fd, uint32_t level, uint32_t style, uint32_t options)
{
	dprintf(fd, "init_log level=%u style=%u options=%u\n", level, style, options);
	return 0;
}

/* A system call the machine makes: its number and six arguments, in hexadecimal, after "/end/call/" or, for a thread from before it ran, "/end/thread-call/". */
static unsigned long words[7];
static pthread_barrier_t running;

static void *make_call(void *unused)
{
	errno = 0;
	long result = syscall((long)words[0], words[1], words[2], words[3], words[4], words[5], words[6]);

	SAY("called: %s\n", result == -1 ? strerror(errno) : "done");
	_exit(0);
	return unused;
}

static void *wait_and_call(void *unused)
{
	(void)pthread_barrier_wait(&running);
	return make_call(unused);
}

static void read_words(const char *text)
{
	char *rest = (char *)(uintptr_t)text;

	for (int index = 0; index < 7; index++)
		words[index] = strtoul(rest + (index > 0), &rest, 16);
}

int32_t krun_create_ctx(void)
{
	pthread_t thread;

	if (pthread_barrier_init(&running, NULL, 2) != 0 || pthread_create(&thread, NULL, wait_and_call, NULL) != 0)
		SAY("no thread\n");
	SAY("create_ctx\n");
	return 7;
}

int32_t krun_set_vm_config(uint32_t ctx, uint8_t vcpus, uint32_t ram_mib)
{
	SAY("set_vm_config %u %u %u\n", ctx, vcpus, ram_mib);
	return 0;
}

int32_t krun_set_kernel(uint32_t ctx, const char *path, uint32_t format, const char *initramfs, const char *command_line)
{
	(void)snprintf(kernel, sizeof(kernel), "%s", path);
	SAY("set_kernel %u %s %u %s [%s]\n", ctx, path, format, initramfs ? initramfs : "-", command_line);
	return strcmp(path, "/end/refused") == 0 ? -EINVAL : 0;
}

#ifndef WITHOUT_DISKS
int32_t krun_add_disk2(uint32_t ctx, const char *id, const char *path, uint32_t format, bool read_only)
{
	SAY("add_disk2 %u %s %s %u %d\n", ctx, id, path, format, read_only);
	return 0;
}
#endif

int32_t krun_add_virtiofs(uint32_t ctx, const char *tag, const char *path)
{
	SAY("add_virtiofs %u %s %s\n", ctx, tag, path);
	return 0;
}

#ifndef WITHOUT_READ_ONLY_SHARES
int32_t krun_add_virtiofs3(uint32_t ctx, const char *tag, const char *path, uint64_t shm_size, bool read_only)
{
	SAY("add_virtiofs3 %u %s %s %llu %d\n", ctx, tag, path, (unsigned long long)shm_size, read_only);
	return 0;
}
#endif

#ifndef WITHOUT_PLAIN_VSOCK
int32_t krun_disable_implicit_vsock(uint32_t ctx)
{
	SAY("disable_implicit_vsock %u\n", ctx);
	return 0;
}

int32_t krun_add_vsock(uint32_t ctx, uint32_t tsi_features)
{
	SAY("add_vsock %u %u\n", ctx, tsi_features);
	return 0;
}
#endif

int32_t krun_add_vsock_port2(uint32_t ctx, uint32_t port, const char *path, bool listen)
{
	SAY("add_vsock_port2 %u %u %s %d\n", ctx, port, path, listen);
	return 0;
}

#ifndef WITHOUT_NICS
int32_t krun_add_net_unixstream(uint32_t ctx, const char *path, int fd, uint8_t *mac, uint32_t features, uint32_t flags)
{
	SAY("add_net_unixstream %u %s %d %02x:%02x:%02x:%02x:%02x:%02x %u %u\n", ctx, path, fd, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
	    features, flags);
	return 0;
}
#endif

int32_t krun_set_console_output(uint32_t ctx, const char *path)
{
	(void)snprintf(console, sizeof(console), "%s", path);
	SAY("set_console_output %u\n", ctx);
	return 0;
}

/* How Rust's standard library opens a file it creates. */
static void write_console(const char *text)
{
	int fd = open64(console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SAY("no console: %s\n", strerror(errno));
}

/* A function of libgcc that a Rust panic ends in. */
int _Unwind_RaiseException(void *exception);

static void panic(void)
{
	SAY("thread 'fc_vcpu 0' panicked at src/vmm/src/vstate.rs:1:2:\nno such register\n");
	SAY("unwinding: %d\n", _Unwind_RaiseException(kernel));
}

int32_t krun_start_enter(uint32_t ctx)
{
	char byte;

	SAY("start_enter %u, stdin ends: %d\n", ctx, read(STDIN_FILENO, &byte, 1) == 0);
	write_console("hello from the guest\n");
	if (strncmp(kernel, "/end/call/", 10) == 0) {
		read_words(kernel + 10);
		(void)make_call(NULL);
	}
	if (strncmp(kernel, "/end/thread-call/", 17) == 0) {
		read_words(kernel + 17);
		(void)pthread_barrier_wait(&running);
		(void)pause();
	}
	if (strcmp(kernel, "/end/clean") == 0)
		_exit(0);
	if (strcmp(kernel, "/end/segv") == 0)
		*(volatile int *)16 = 1;
	if (strcmp(kernel, "/end/abort") == 0)
		abort();
	if (strcmp(kernel, "/end/bus") == 0)
		(void)raise(SIGBUS);
	if (strcmp(kernel, "/end/ill") == 0)
		__builtin_trap();
	if (strcmp(kernel, "/end/fpe") == 0)
		(void)raise(SIGFPE);
	if (strcmp(kernel, "/end/panic") == 0)
		panic();
	SAY("[ERROR krun] Building the microVM failed\n");
	return -ENODEV;
}
