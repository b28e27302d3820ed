#include "machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "report.h"
#include "running-filter.h"

/* Constants of libkrun.h. */
#if defined(__aarch64__)
#define KERNEL_FORMAT 0 /* raw: arm64 Linux is an Image, which is no ELF file (Documentation/arch/arm64/booting.rst) */
#else
#define KERNEL_FORMAT 1 /* ELF */
#endif
#define LOG_STYLE_NEVER 2
#define LOG_OPTION_NO_ENV 1
#define NET_COMPAT_FEATURES 19587 /* CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_UFO, HOST_TSO4, HOST_UFO */
#define TSI_HIJACK_INET 1

/* Refuses on an error, naming the call and what it was about. */
static void check(int32_t result, const char *call, const char *about)
{
	if (result >= 0)
		return;
	const char *name = strerrorname_np(-result);

	give_up(EXIT_MACHINE, "krun_%s(%s) failed: %s (%s)", call, about, strerror(-result), name ? name : "unknown error");
}

static void start_log(const struct library *library, uint32_t level)
{
	if (level == 0)
		return;
	/* libkrun owns the descriptor from here on; ours stays for the crash report. */
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		give_up(EXIT_MACHINE, "stderr is not open");
	check(library->init_log(fd, level, LOG_STYLE_NEVER, LOG_OPTION_NO_ENV), "init_log", "stderr");
}

static void add_disks(const struct library *library, uint32_t ctx, const struct config *config)
{
	for (size_t index = 0; index < config->disk_count; index++) {
		const struct disk_config *disk = &config->disks[index];
		char id[8];

		/* The serial number the guest sees; the order of the calls makes /dev/vda, /dev/vdb, … */
		(void)snprintf(id, sizeof(id), "disk%zu", index);
		/* The numbers of the formats are libkrun's: raw 0, qcow2 1. */
		check(library->add_disk2(ctx, id, disk->path, disk->format, disk->read_only), "add_disk2", disk->path);
	}
}

static void add_shares(const struct library *library, uint32_t ctx, const struct config *config)
{
	for (size_t index = 0; index < config->share_count; index++) {
		const struct share_config *share = &config->shares[index];

		if (library->add_virtiofs3)
			check(library->add_virtiofs3(ctx, share->tag, share->path, 0, share->read_only), "add_virtiofs3", share->path);
		else
			check(library->add_virtiofs(ctx, share->tag, share->path), "add_virtiofs", share->path);
	}
}

static void add_nics(const struct library *library, uint32_t ctx, const struct config *config)
{
	for (size_t index = 0; index < config->nic_count; index++) {
		const struct nic_config *nic = &config->nics[index];
		uint8_t mac[6];

		memcpy(mac, nic->mac, sizeof(mac));
		check(library->add_net_unixstream(ctx, nic->socket, -1, mac, NET_COMPAT_FEATURES, 0), "add_net_unixstream", nic->socket);
	}
}

void machine_run(const struct library *library, const struct config *config)
{
	start_log(library, config->log_level);
	int32_t created = library->create_ctx();

	check(created, "create_ctx", "");
	uint32_t ctx = (uint32_t)created;

	check(library->set_vm_config(ctx, (uint8_t)config->vcpus, config->memory_mib), "set_vm_config", "vcpus, memoryMib");
	check(library->set_kernel(ctx, config->kernel, KERNEL_FORMAT, NULL, config->command_line), "set_kernel", config->kernel);
	add_disks(library, ctx, config);
	add_shares(library, ctx, config);
	/* Without these two libkrun gives a machine without a network card the host's network through sockets. */
	check(library->disable_implicit_vsock(ctx), "disable_implicit_vsock", "");
	check(library->add_vsock(ctx, config->tsi ? TSI_HIJACK_INET : 0), "add_vsock", config->tsi ? "with TSI" : "without TSI");
	/* The guest dials, so there is no moment at which the host could come too early. */
	check(library->add_vsock_port2(ctx, config->agent.port, config->agent.socket, false), "add_vsock_port2", config->agent.socket);
	add_nics(library, ctx, config);
	check(library->set_console_output(ctx, CONSOLE_PATH), "set_console_output", "stdout");
	running_filter_install();
	/* Returns only if the machine could not be built; its end is the end of the process. */
	int32_t result = library->start_enter(ctx);

	/* Its log says why. A line of ours would be the last one, which is what people are shown. */
	if (config->log_level > 0)
		_exit(EXIT_MACHINE);
	check(result, "start_enter", "with its log off");
	give_up(EXIT_MACHINE, "krun_start_enter returned");
}
