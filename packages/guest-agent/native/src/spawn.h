/* From an exec request to a running command. */
#ifndef BOXLITE_SPAWN_H
#define BOXLITE_SPAWN_H

#include "execution.h"
#include "failure.h"
#include "request.h"

enum spawn_stage { SPAWN_PID, SPAWN_NAMESPACE, SPAWN_USER, SPAWN_CWD, SPAWN_IDENTITY, SPAWN_TERMINAL, SPAWN_COMMAND, SPAWN_INTERPRETER, SPAWN_SETUP };

/* What the child writes to its status pipe: for SPAWN_PID the value is its pid in the container, else an errno. */
struct spawn_report {
    int stage;
    int errno_value;
};

/* Forks the command of a request into the container. On failure the execution still has to be released. */
bool spawn(struct execution *execution, const struct exec_request *request, uint64_t now, struct failure *failure);

/* What the host is told about a child that could not become its command. */
void spawn_failure(const struct spawn_report *report, struct failure *failure);

/* environment.c: defaults, then the request's, later ones winning, then what every command has. */
struct environment {
    char **items; /* NULL-terminated; one spare place for HOME */
    size_t count;
    const char *path; /* value of PATH */
    bool has_home;
};

/* hostname and terminal are for HOSTNAME and TERM where nobody set them. */
bool environment_merge(const struct text_list *defaults, const struct text_list *extra, const char *hostname, bool terminal,
                       struct environment *environment);

/* The child's half, in spawn-child.c: never returns. */
struct child_plan {
    char *const *argv;
    struct environment *environment;
    const char *user;
    const char *cwd;
    int mount_namespace;
    int in;
    int out;
    int err;
    int status;
    bool terminal;
};

_Noreturn void spawn_child(const struct child_plan *plan);

#endif
