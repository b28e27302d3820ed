/* Who a command runs as, from the container's own /etc/passwd and /etc/group. Runs in the child of an exec: no heap, bounded reads. */
#ifndef BOXLITE_USER_H
#define BOXLITE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_GROUPS 64
#define MAX_HOME 256

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[MAX_GROUPS];
    size_t group_count;
    char home[MAX_HOME]; /* "" when passwd has none */
};

/* A file opened by descriptor, read once from its start; fd -1 is an empty file. */
struct user_files {
    int passwd;
    int group;
};

/*
 * Resolves "", uid, uid:gid, name or name:group. A group given explicitly replaces the supplementary groups, as with Docker. Files
 * longer than 1 MiB and lines longer than 1 KiB are not read further, so that a hostile image costs bounded time.
 * Returns false for an unknown name or an id that is no number below 2^32 - 1.
 */
bool user_resolve(const char *text, const struct user_files *files, struct user *user);

#endif
