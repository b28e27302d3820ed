#include "library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "report.h"

struct binding {
	const char *symbol;
	size_t offset;
	const char *feature; /* what a person loses without it */
	const char *since;
	bool (*needed)(const struct config *config);
};

static bool always(const struct config *config)
{
	(void)config;
	return true;
}

/* Its absence is noticed where there is another way. */
static bool never(const struct config *config)
{
	(void)config;
	return false;
}

static bool has_disks(const struct config *config)
{
	return config->disk_count > 0;
}

static bool has_nics(const struct config *config)
{
	return config->nic_count > 0;
}

static bool logs(const struct config *config)
{
	return config->log_level > 0;
}

/* A share whose protection is left to the VMM needs the newer function. */
static bool needs_read_only(const struct config *config)
{
	for (size_t index = 0; index < config->share_count; index++)
		if (config->shares[index].read_only && !config->shares[index].host_enforced)
			return true;
	return false;
}

static bool has_other_shares(const struct config *config)
{
	for (size_t index = 0; index < config->share_count; index++)
		if (!config->shares[index].read_only || config->shares[index].host_enforced)
			return true;
	return false;
}

#define BIND(name) "krun_" #name, offsetof(struct library, name)

static const struct binding bindings[] = {
	{BIND(create_ctx), "machines at all", "1.0", always},
	{BIND(set_vm_config), "processors and memory", "1.0", always},
	{BIND(set_kernel), "booting a kernel directly", "1.11", always},
	{BIND(add_disk2), "disks of a given format (libkrun must be built with BLK=1)", "1.10", has_disks},
	{BIND(add_virtiofs), "shared directories", "1.8", has_other_shares},
	{BIND(add_virtiofs3), "read-only shares that the host enforces", "1.18", needs_read_only},
	{BIND(disable_implicit_vsock), "a machine without libkrun's own network over sockets", "1.17", always},
	{BIND(add_vsock), "a machine without libkrun's own network over sockets", "1.17", always},
	{BIND(add_vsock_port2), "the link to the guest agent", "1.10", always},
	{BIND(add_net_unixstream), "network cards (libkrun must be built with NET=1)", "1.15", has_nics},
	{BIND(set_console_output), "the guest's console", "1.8", always},
	{BIND(init_log), "libkrun's log", "1.13", logs},
	{BIND(start_enter), "starting machines", "1.0", always},
	/* Better than the old one for any share where it is there. */
	{BIND(add_virtiofs3), "read-only shares that the host enforces", "1.18", never},
};

void library_load(struct library *library, const struct config *config)
{
	/* Everything is resolved here: a library that misses a symbol of its own must not fail in the middle of a start. */
	void *handle = dlopen(config->library, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		give_up(EXIT_LIBRARY, "cannot load libkrun: %s", dlerror());
	memset(library, 0, sizeof(*library));
	for (size_t index = 0; index < sizeof(bindings) / sizeof(bindings[0]); index++) {
		const struct binding *binding = &bindings[index];
		void *symbol = dlsym(handle, binding->symbol);

		if (!symbol && binding->needed(config))
			give_up(EXIT_LIBRARY, "%s has no %s, which serves %s and came with libkrun %s", config->library, binding->symbol,
				binding->feature, binding->since);
		/* POSIX: a pointer from dlsym may be used as a function. */
		memcpy((char *)library + binding->offset, &symbol, sizeof(symbol));
	}
}
