/* What the machine is made of: one JSON document on stdin. All strings point into the buffer it was read into. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema.h"

#define CONFIG_MAX_BYTES 65536
#define CONFIG_VERSION 1
/* More than any machine libkrun builds on any architecture we know; a bound, not a promise. */
#define MAX_DISKS 32
#define MAX_SHARES 32
#define MAX_NICS 8

enum disk_format { DISK_RAW, DISK_QCOW2 };

struct disk_config {
	const char *path;
	uint32_t format; /* enum disk_format */
	bool read_only;
};

struct share_config {
	const char *tag;
	const char *path;
	bool read_only;
	bool host_enforced; /* the jail shows the directory read-only */
};

struct nic_config {
	const char *socket;
	const char *mac_text;
	uint8_t mac[6];
};

struct agent_config {
	uint32_t port;
	const char *socket;
};

struct config {
	uint32_t version;
	const char *library;
	uint32_t log_level; /* as libkrun counts: 0 off, 1 error, 2 warn, 3 info, 4 debug */
	uint32_t vcpus;
	uint32_t memory_mib;
	const char *kernel;
	const char *command_line;
	struct disk_config disks[MAX_DISKS];
	size_t disk_count;
	struct share_config shares[MAX_SHARES];
	size_t share_count;
	struct nic_config nics[MAX_NICS];
	size_t nic_count;
	struct agent_config agent;
	bool tsi; /* the guest's sockets go through this process to the host's network */
};

/* Reads a document. False: `error` names the field and what is wrong with it. The text is overwritten and must stay. */
bool config_parse(struct config *config, char *text, size_t size, struct schema_error *error);

#endif
