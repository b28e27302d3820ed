/*
 * libkrun's functions, bound by name from a library given by path. Builds differ: without the block or net feature, or before the version that brought
 * it, a function is not there. The types are those of libkrun.h.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct library {
	int32_t (*init_log)(int fd, uint32_t level, uint32_t style, uint32_t options);
	int32_t (*create_ctx)(void);
	int32_t (*set_vm_config)(uint32_t ctx, uint8_t vcpus, uint32_t ram_mib);
	int32_t (*set_kernel)(uint32_t ctx, const char *path, uint32_t format, const char *initramfs, const char *command_line);
	int32_t (*add_disk2)(uint32_t ctx, const char *id, const char *path, uint32_t format, bool read_only);
	int32_t (*add_virtiofs)(uint32_t ctx, const char *tag, const char *path);
	int32_t (*add_virtiofs3)(uint32_t ctx, const char *tag, const char *path, uint64_t shm_size, bool read_only);
	int32_t (*disable_implicit_vsock)(uint32_t ctx);
	int32_t (*add_vsock)(uint32_t ctx, uint32_t tsi_features);
	int32_t (*add_vsock_port2)(uint32_t ctx, uint32_t port, const char *path, bool listen);
	int32_t (*add_net_unixstream)(uint32_t ctx, const char *path, int fd, uint8_t *mac, uint32_t features, uint32_t flags);
	int32_t (*set_console_output)(uint32_t ctx, const char *path);
	int32_t (*start_enter)(uint32_t ctx);
};

/*
 * Loads the library and binds what the configuration needs. Ends the process when the library cannot be loaded, or when a needed
 * function is missing: then the line names it and what it would have served.
 */
void library_load(struct library *library, const struct config *config);

#endif
