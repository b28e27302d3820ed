/* From an exec request to a running command. */
#ifndef BOXLITE_SPAWN_H
#define BOXLITE_SPAWN_H

#include <limits.h>

#include "execution.h"
#include "failure.h"
#include "request.h"
#include "user.h"

enum spawn_stage { SPAWN_NAMESPACE, SPAWN_USER, SPAWN_CWD, SPAWN_IDENTITY, SPAWN_TERMINAL, SPAWN_COMMAND, SPAWN_INTERPRETER, SPAWN_SETUP };

/* What the child writes to its status pipe when it cannot become the command. */
struct spawn_report {
    int stage;
    int errno_value;
};

/*
 * Starts the command of a request, which it takes over, in the container. On failure execution->pid tells whether a child exists all the
 * same; it is on its way out then.
 */
bool spawn(struct execution *execution, struct request *request, uint64_t now, struct failure *failure);

/*
 * Makes a child ahead of the first command, up to where it needs the request: it stands in the container and waits. For a machine that is about to be
 * captured: what goes on from it has nothing of that left to do. Without memory or descriptors for it, the first command is started like any other.
 */
void spawn_ahead(void);

/* Ends that child: its container is gone. */
void spawn_drop_ahead(void);

/* A process that is no execution has been reaped. */
void spawn_reaped(pid_t pid);

/* What the host is told about a child that could not become its command. */
void spawn_failure(const struct spawn_report *report, struct failure *failure);

/* environment.c: defaults, then the request's, later ones winning, then what every command has. */
/* As many entries as most environments have: they need no memory of their own. */
#define FEW_ENTRIES 64u

struct environment {
    char **items; /* NULL-terminated; one spare place for HOME */
    char *few[FEW_ENTRIES];
    size_t count;
    const char *path; /* value of PATH */
    bool has_home;
};

/* hostname and terminal are for HOSTNAME and TERM where nobody set them. */
bool environment_merge(const struct text_list *defaults, const struct text_list *extra, const char *hostname, bool terminal,
                       struct environment *environment);

void environment_free(struct environment *environment);

/*
 * What the child works on, in the memory it shares with the agent until it has become the command or is gone. One for each execution
 * that is starting; it must not be freed before the status pipe has ended.
 */
struct child {
    struct request request; /* owns the texts below */
    struct environment environment;
    const char *user;
    const char *cwd;
    int mount_namespace;
    int in;
    int out;
    int err;
    int status;
    bool terminal;
    bool waits;  /* made ahead: for `go`, which the agent sets when the rest is there */
    uint32_t go;
    struct user identity;
    struct user_files files;
    char home[sizeof "HOME=" + MAX_HOME];
    char path[PATH_MAX];
    _Alignas(64) unsigned char stack[16384];
};

/* spawn-child.c: where the child begins; never returns. */
void spawn_child(void *child);

/* Frees what spawn took, once the status pipe has ended. */
void spawn_release(struct child *child);

#endif
