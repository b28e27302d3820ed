#include "config.h"

#include <stdio.h>
#include <string.h>

#define LIST(array) {.fields = (array), .count = sizeof(array) / sizeof((array)[0])}
#define PATH_BYTES 4095
/* sun_path without its NUL (unix(7)). */
#define SOCKET_BYTES 107
/* COMMAND_LINE_SIZE of x86 Linux without its NUL; libkrun adds the devices to it. */
#define COMMAND_LINE_BYTES 2047
/* A tag is 36 bytes in the virtio file system's configuration space (virtio 1.2, 5.11.4). */
#define TAG_BYTES 36

static const char *const log_levels[] = {"off", "error", "warn", "info", "debug", NULL};
static const char *const formats[] = {"raw", "qcow2", NULL};

static const struct field disk_fields[] = {
	{.name = "path", .kind = FIELD_PATH, .offset = offsetof(struct disk_config, path), .most = PATH_BYTES},
	{.name = "format", .kind = FIELD_CHOICE, .offset = offsetof(struct disk_config, format), .choices = formats},
	{.name = "readOnly", .kind = FIELD_FLAG, .offset = offsetof(struct disk_config, read_only)},
};
static const struct field share_fields[] = {
	{.name = "tag", .kind = FIELD_TEXT, .offset = offsetof(struct share_config, tag), .least = 1, .most = TAG_BYTES},
	{.name = "path", .kind = FIELD_PATH, .offset = offsetof(struct share_config, path), .most = PATH_BYTES},
	{.name = "readOnly", .kind = FIELD_FLAG, .offset = offsetof(struct share_config, read_only)},
	{.name = "hostEnforced", .kind = FIELD_FLAG, .offset = offsetof(struct share_config, host_enforced)},
};
static const struct field nic_fields[] = {
	{.name = "socket", .kind = FIELD_PATH, .offset = offsetof(struct nic_config, socket), .most = SOCKET_BYTES},
	{.name = "mac", .kind = FIELD_TEXT, .offset = offsetof(struct nic_config, mac_text), .least = 17, .most = 17},
};
static const struct field agent_fields[] = {
	{.name = "port", .kind = FIELD_NUMBER, .offset = offsetof(struct agent_config, port), .least = 1, .most = UINT32_MAX - 1},
	{.name = "socket", .kind = FIELD_PATH, .offset = offsetof(struct agent_config, socket), .most = SOCKET_BYTES},
};
static const struct schema disk_schema = LIST(disk_fields);
static const struct schema share_schema = LIST(share_fields);
static const struct schema nic_schema = LIST(nic_fields);
static const struct schema agent_schema = LIST(agent_fields);

#define MANY(member, counter, type, shape, limit)                                                                      \
	.kind = FIELD_LIST, .offset = offsetof(struct config, member), .count_offset = offsetof(struct config, counter),    \
	.stride = sizeof(type), .schema = &(shape), .most = (limit)

static const struct field config_fields[] = {
	{.name = "version", .kind = FIELD_NUMBER, .offset = offsetof(struct config, version), .least = CONFIG_VERSION, .most = CONFIG_VERSION},
	{.name = "library", .kind = FIELD_PATH, .offset = offsetof(struct config, library), .most = PATH_BYTES},
	{.name = "logLevel", .kind = FIELD_CHOICE, .offset = offsetof(struct config, log_level), .choices = log_levels},
	/* krun_set_vm_config takes a u8. */
	{.name = "vcpus", .kind = FIELD_NUMBER, .offset = offsetof(struct config, vcpus), .least = 1, .most = UINT8_MAX},
	{.name = "memoryMib", .kind = FIELD_NUMBER, .offset = offsetof(struct config, memory_mib), .least = 1, .most = 1u << 24},
	{.name = "kernel", .kind = FIELD_PATH, .offset = offsetof(struct config, kernel), .most = PATH_BYTES},
	{.name = "commandLine", .kind = FIELD_TEXT, .offset = offsetof(struct config, command_line), .most = COMMAND_LINE_BYTES},
	{.name = "disks", MANY(disks, disk_count, struct disk_config, disk_schema, MAX_DISKS)},
	{.name = "shares", MANY(shares, share_count, struct share_config, share_schema, MAX_SHARES)},
	{.name = "nics", MANY(nics, nic_count, struct nic_config, nic_schema, MAX_NICS)},
	{.name = "agent", .kind = FIELD_OBJECT, .offset = offsetof(struct config, agent), .schema = &agent_schema},
	{.name = "tsi", .kind = FIELD_FLAG, .offset = offsetof(struct config, tsi)},
};
static const struct schema config_schema = LIST(config_fields);

static bool refuse(struct schema_error *error, const char *reason, const char *list, size_t index, const char *member)
{
	(void)snprintf(error->field, sizeof(error->field), "%s[%zu].%s", list, index, member);
	error->reason = reason;
	return false;
}

static int hex_digit(char character)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = character == '\0' ? NULL : strchr(digits, character | 0x20);

	return found && (character >= 'A' || character <= '9') ? (int)(found - digits) : -1;
}

/* `02:00:00:00:00:01`; a group address cannot be a card's own. */
static bool parse_mac(struct nic_config *nic)
{
	for (int index = 0; index < 6; index++) {
		int high = hex_digit(nic->mac_text[3 * index]);
		int low = hex_digit(nic->mac_text[3 * index + 1]);

		if (high < 0 || low < 0 || (index < 5 && nic->mac_text[3 * index + 2] != ':'))
			return false;
		nic->mac[index] = (uint8_t)(high << 4 | low);
	}
	return (nic->mac[0] & 1) == 0;
}

/* The command line reaches the guest's kernel unescaped. */
static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static bool check(struct config *config, struct schema_error *error)
{
	if (!is_printable(config->command_line)) {
		(void)snprintf(error->field, sizeof(error->field), "commandLine");
		error->reason = "has characters other than printable ASCII";
		return false;
	}
	for (size_t index = 0; index < config->share_count; index++)
		for (size_t other = 0; other < index; other++)
			if (strcmp(config->shares[index].tag, config->shares[other].tag) == 0)
				return refuse(error, "is the tag of another share", "shares", index, "tag");
	for (size_t index = 0; index < config->nic_count; index++)
		if (!parse_mac(&config->nics[index]))
			return refuse(error, "is no unicast MAC address", "nics", index, "mac");
	return true;
}

bool config_parse(struct config *config, char *text, size_t size, struct schema_error *error)
{
	*config = (struct config){.version = 0};
	return schema_read(&config_schema, text, size, config, error) && check(config, error);
}
