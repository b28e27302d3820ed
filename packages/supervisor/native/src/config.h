/* What the launcher asks for, read from its pipe. Strings point into the bytes that were read. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAX_BYTES (1u << 20)
#define CONFIG_MAX_ARGS 1024
#define CONFIG_MAX_ENV 256
#define CONFIG_MAX_FDS 16
#define CONFIG_MAX_PATH 4096
/* Targets of inherited descriptors lie below; the supervisor keeps their sources above (stage A). */
#define CONFIG_FD_LIMIT 256

struct bytes {
	const uint8_t *data;
	uint32_t size;
};

struct fd_data {
	int fd;
	struct bytes content;
};

/* A socket to bind, or a file to open, for a descriptor. */
struct fd_path {
	int fd;
	const char *path;
};

/* Of the process itself. Never how many there are: RLIMIT_NPROC counts all of the user's, so that one box would stop another. */
enum limit_kind { LIMIT_OPEN_FILES, LIMIT_FILE_SIZE, LIMIT_MEMORY, LIMIT_CPU_SECONDS, LIMIT_KINDS };

struct config {
	const char *box_id;
	const char *binary;
	char *args[CONFIG_MAX_ARGS + 2]; /* args[0] is the binary */
	size_t arg_count;
	char *env[CONFIG_MAX_ENV + 1];
	size_t env_count;
	struct bytes input;
	bool has_input;
	const char *agent_socket;
	const char *control_dir;
	const char *pid_file;
	const char *stderr_file;
	const char *exit_file;
	const char *console_file;
	uint64_t console_max_bytes;
	bool detached;
	bool bubblewrap;
	int info_fd;
	int block_fd;
	int syscall_report_fd; /* 0: no diagnosis run */
	struct bytes syscall_names; /* lines `number name`, each after a newline */
	struct fd_data data[CONFIG_MAX_FDS];
	size_t data_count;
	struct fd_path listeners[CONFIG_MAX_FDS];
	size_t listener_count;
	struct fd_path files[CONFIG_MAX_FDS];
	size_t file_count;
	const char *cgroup_dir;
	bool limited[LIMIT_KINDS];
	uint64_t limit[LIMIT_KINDS];
};

/*
 * Records `u32 key size, u32 value size, key, NUL, value, NUL` (little endian), the last one being the empty `end`. The bytes must outlive
 * the config. Returns NULL, or what is wrong; `*key` is then the key it is about, or NULL.
 */
const char *config_decode(struct config *config, uint8_t *bytes, size_t size, const char **key);

/* The rules that span several records. Returns NULL, or what is wrong. */
const char *config_check(const struct config *config);

#endif
