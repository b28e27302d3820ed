#include "config.h"

#include <string.h>

#include "frame.h"

struct record {
	const char *key;
	struct bytes value;
};

typedef const char *(*setter)(struct config *config, const struct record *record);

/* Unsigned decimal without sign, blanks or leading plus. */
static bool parse_number(const struct bytes *value, uint64_t *number)
{
	*number = 0;
	if (value->size == 0 || value->size > 19)
		return false;
	for (uint32_t index = 0; index < value->size; index++) {
		if (value->data[index] < '0' || value->data[index] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(value->data[index] - '0');
	}
	return true;
}

static const char *as_string(const struct bytes *value)
{
	return memchr(value->data, '\0', value->size) ? NULL : (const char *)value->data;
}

static const char *set_string(const char **field, const struct record *record)
{
	if (*field)
		return "given twice";
	*field = as_string(&record->value);
	return *field && **field ? NULL : "empty, or contains a NUL byte";
}

static const char *set_path(const char **field, const struct record *record)
{
	const char *problem = set_string(field, record);

	if (problem)
		return problem;
	return (*field)[0] == '/' && record->value.size < CONFIG_MAX_PATH ? NULL : "not an absolute path";
}

#define PATH_SETTER(name)                                                                  \
	static const char *set_##name(struct config *config, const struct record *record) \
	{                                                                                  \
		return set_path(&config->name, record);                                    \
	}
PATH_SETTER(binary)
PATH_SETTER(agent_socket)
PATH_SETTER(control_dir)
PATH_SETTER(pid_file)
PATH_SETTER(stderr_file)
PATH_SETTER(exit_file)
PATH_SETTER(console_file)
PATH_SETTER(cgroup_dir)

static const char *set_box_id(struct config *config, const struct record *record)
{
	const char *problem = set_string(&config->box_id, record);

	return problem ? problem : record->value.size <= 128 ? NULL : "longer than 128 characters";
}

static const char *add_arg(struct config *config, const struct record *record)
{
	const char *text = as_string(&record->value);

	if (!text)
		return "contains a NUL byte";
	if (config->arg_count == CONFIG_MAX_ARGS)
		return "too many arguments";
	config->args[++config->arg_count] = (char *)(uintptr_t)text;
	return NULL;
}

static const char *add_env(struct config *config, const struct record *record)
{
	const char *text = as_string(&record->value);

	if (!text || text[0] == '=' || !strchr(text, '='))
		return "not of the form NAME=value";
	if (config->env_count == CONFIG_MAX_ENV)
		return "too many variables";
	config->env[config->env_count++] = (char *)(uintptr_t)text;
	return NULL;
}

static const char *set_input(struct config *config, const struct record *record)
{
	if (config->has_input)
		return "given twice";
	config->has_input = true;
	config->input = record->value;
	return NULL;
}

static const char *set_console_max(struct config *config, const struct record *record)
{
	if (config->console_max_bytes)
		return "given twice";
	if (!parse_number(&record->value, &config->console_max_bytes) || config->console_max_bytes < 1024 ||
	    config->console_max_bytes > (uint64_t)1 << 40)
		return "not a number from 1024 to 2^40";
	return NULL;
}

static const char *set_detached(struct config *config, const struct record *record)
{
	config->detached = true;
	return record->value.size == 0 ? NULL : "takes no value";
}

/* The value is `u32 descriptor` and what belongs to it. */
static const char *read_target(const struct record *record, int *fd, struct bytes *rest)
{
	uint32_t number;

	if (record->value.size < 4)
		return "too short";
	number = read_u32(record->value.data);
	if (number < 3 || number >= CONFIG_FD_LIMIT)
		return "descriptor not from 3 to 255";
	*fd = (int)number;
	rest->data = record->value.data + 4;
	rest->size = record->value.size - 4;
	return NULL;
}

static const char *add_data(struct config *config, const struct record *record)
{
	if (config->data_count == CONFIG_MAX_FDS)
		return "too many descriptors";
	struct fd_data *entry = &config->data[config->data_count++];

	return read_target(record, &entry->fd, &entry->content);
}

static const char *add_path(struct fd_path *entries, size_t *count, const struct record *record)
{
	struct bytes path;
	const char *problem;

	if (*count == CONFIG_MAX_FDS)
		return "too many descriptors";
	struct fd_path *entry = &entries[(*count)++];

	problem = read_target(record, &entry->fd, &path);
	if (problem)
		return problem;
	entry->path = as_string(&path);
	return entry->path && entry->path[0] == '/' && path.size < CONFIG_MAX_PATH ? NULL : "not an absolute path";
}

static const char *add_listener(struct config *config, const struct record *record)
{
	return add_path(config->listeners, &config->listener_count, record);
}

static const char *add_file(struct config *config, const struct record *record)
{
	return add_path(config->files, &config->file_count, record);
}

static const char *set_bubblewrap(struct config *config, const struct record *record)
{
	if (config->bubblewrap)
		return "given twice";
	if (record->value.size != 8)
		return "must hold two descriptors";
	config->bubblewrap = true;
	uint32_t info = read_u32(record->value.data);
	uint32_t block = read_u32(record->value.data + 4);

	if (info < 3 || info >= CONFIG_FD_LIMIT || block < 3 || block >= CONFIG_FD_LIMIT)
		return "descriptor not from 3 to 255";
	config->info_fd = (int)info;
	config->block_fd = (int)block;
	return NULL;
}

static const char *set_syscall_report(struct config *config, const struct record *record)
{
	if (config->syscall_report_fd)
		return "given twice";
	return read_target(record, &config->syscall_report_fd, &config->syscall_names);
}

static const char *set_limit(struct config *config, const struct record *record, enum limit_kind kind)
{
	if (config->limited[kind])
		return "given twice";
	config->limited[kind] = true;
	return parse_number(&record->value, &config->limit[kind]) ? NULL : "not a number";
}

#define LIMIT_SETTER(name, kind)                                                           \
	static const char *set_##name(struct config *config, const struct record *record) \
	{                                                                                  \
		return set_limit(config, record, kind);                                    \
	}
LIMIT_SETTER(open_files, LIMIT_OPEN_FILES)
LIMIT_SETTER(file_size, LIMIT_FILE_SIZE)
LIMIT_SETTER(memory, LIMIT_MEMORY)
LIMIT_SETTER(cpu_seconds, LIMIT_CPU_SECONDS)

static const struct {
	const char *key;
	setter set;
} KEYS[] = {
	{"box-id", set_box_id},
	{"binary", set_binary},
	{"arg", add_arg},
	{"env", add_env},
	{"stdin", set_input},
	{"agent-socket", set_agent_socket},
	{"control-dir", set_control_dir},
	{"pid-file", set_pid_file},
	{"stderr-file", set_stderr_file},
	{"exit-file", set_exit_file},
	{"console-file", set_console_file},
	{"console-max-bytes", set_console_max},
	{"detached", set_detached},
	{"bubblewrap", set_bubblewrap},
	{"syscall-report", set_syscall_report},
	{"data-fd", add_data},
	{"listener", add_listener},
	{"file", add_file},
	{"cgroup-dir", set_cgroup_dir},
	{"limit-open-files", set_open_files},
	{"limit-file-size", set_file_size},
	{"limit-memory", set_memory},
	{"limit-cpu-seconds", set_cpu_seconds},
};

/* Reads one record at `*at`. Both strings are followed by a NUL byte that belongs to the record, so they are C strings in place. */
static bool next_record(const uint8_t *bytes, size_t size, size_t *at, struct record *record)
{
	if (size - *at < 8)
		return false;
	uint32_t key_size = read_u32(bytes + *at);
	uint32_t value_size = read_u32(bytes + *at + 4);
	uint64_t total = 8 + (uint64_t)key_size + 1 + (uint64_t)value_size + 1;

	if (total > size - *at)
		return false;
	record->key = (const char *)bytes + *at + 8;
	record->value.data = bytes + *at + 8 + key_size + 1;
	record->value.size = value_size;
	*at += (size_t)total;
	return key_size > 0 && !memchr(record->key, '\0', key_size) && record->key[key_size] == '\0' &&
	       record->value.data[value_size] == '\0';
}

static const char *apply(struct config *config, const struct record *record)
{
	for (size_t index = 0; index < sizeof(KEYS) / sizeof(KEYS[0]); index++)
		if (strcmp(KEYS[index].key, record->key) == 0)
			return KEYS[index].set(config, record);
	return "unknown key";
}

const char *config_decode(struct config *config, uint8_t *bytes, size_t size, const char **key)
{
	size_t at = 0;
	struct record record;

	memset(config, 0, sizeof(*config));
	*key = NULL;
	while (next_record(bytes, size, &at, &record)) {
		if (strcmp(record.key, "end") == 0) {
			config->args[0] = (char *)(uintptr_t)config->binary;
			return at == size && record.value.size == 0 ? config_check(config) : "bytes after the end";
		}
		const char *problem = apply(config, &record);

		if (problem) {
			*key = record.key;
			return problem;
		}
	}
	return "cut short, or not made of records";
}
