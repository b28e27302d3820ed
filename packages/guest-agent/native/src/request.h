/* A request of the host, decoded and checked. Pure: bytes in, a value or an error out. */
#ifndef BOXLITE_REQUEST_H
#define BOXLITE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/* Bounds on lists, far above what fits a useful command line. */
#define MAX_ARGUMENTS 8192u
#define MAX_ENVIRONMENT 4096u
#define MAX_READ_PATHS 512u
#define DISK_NAME_BYTES 32u

enum operation { OPERATION_UNKNOWN, OPERATION_INIT, OPERATION_EXEC, OPERATION_SIGNAL, OPERATION_RESIZE, OPERATION_PING,
                 OPERATION_QUIESCE, OPERATION_THAW, OPERATION_RENEW, OPERATION_PREPARE };

/* What the kernel may be credited with at once (agent.options), and what makes a renewed machine another one: the strength of its pool. */
#define MAX_ENTROPY_BYTES 512u
#define LEAST_RENEWAL_BYTES 32u
#define HOSTNAME_BYTES 65u

/* NUL-terminated strings inside the request's arena; the list itself ends with NULL unless it is empty. */
struct text_list {
    char **items;
    size_t count;
    size_t capacity;
};

struct blob {
    const uint8_t *bytes; /* NULL: absent */
    size_t length;
};

/* As many as a box may have (packages/sdk/src/options/box-options.ts). */
#define MAX_VOLUMES 16u
#define MAX_VOLUME_PATH 4095u
#define MAX_VOLUME_FILE 255u

struct volume {
    char tag[36]; /* the kernel's limit for virtiofs */
    char file[MAX_VOLUME_FILE + 1];
    char *destination;
    bool read_only;
};

struct init_request {
    char hostname[HOSTNAME_BYTES];
    char disk[DISK_NAME_BYTES];
    uint64_t disk_bytes; /* what its device must have; 0: any */
    uint64_t wall_clock_ns;
    uint8_t entropy[MAX_ENTROPY_BYTES];
    size_t entropy_length;
    struct text_list env;
    char *cwd;  /* "" when absent */
    char *user; /* "" when absent */
    struct blob hosts;
    struct blob resolv_conf;
    struct volume volumes[MAX_VOLUMES];
    size_t volume_count;
    bool privileged;
};

struct exec_request {
    struct text_list argv;
    struct text_list env;
    char *cwd;
    char *user;
    bool tty;
    uint16_t rows;
    uint16_t cols;
    bool stdin_open;
    bool main;
    uint32_t timeout_ms;
};

struct quiesce_request {
    bool sync;
    uint32_t timeout_ms; /* 0: the agent's default */
};

struct prepare_request {
    char disk[DISK_NAME_BYTES];
    uint64_t disk_bytes;
    struct text_list paths;
    uint64_t read_bytes;
};

struct renew_request {
    char hostname[HOSTNAME_BYTES]; /* "" when it stays */
    uint64_t wall_clock_ns;
    uint8_t entropy[MAX_ENTROPY_BYTES];
    size_t entropy_length;
    struct text_list env;
    char *cwd;  /* "" when absent */
    char *user; /* "" when absent */
    bool replace_defaults;
    struct blob hosts;
    struct blob resolv_conf;
};

struct request {
    uint32_t id;
    enum operation operation;
    struct init_request init;
    struct exec_request exec;
    struct quiesce_request quiesce;
    struct renew_request renew;
    struct prepare_request prepare;
    int signal;
    bool signal_group;
    uint16_t rows;
    uint16_t cols;
    /* What the texts point into. */
    char *arena;
    size_t arena_used;
    size_t arena_size;
};

/*
 * Decodes and checks one payload. On failure the request needs no freeing; its id is set when it could be read, else 0. An operation of
 * a newer client is no failure: OPERATION_UNKNOWN.
 */
bool request_decode(const uint8_t *payload, size_t length, struct request *request, struct failure *failure);

void request_free(struct request *request);

/* Has memory ready for the requests that come next, so that a machine that goes on from a capture need not ask the kernel for any. */
void request_prepare_memory(void);

#endif
