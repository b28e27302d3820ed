/*
 * Who a command runs as, from the container's own /etc/passwd and /etc/group. Runs in the child of an exec: memory comes from the caller,
 * reads are bounded and do not touch errno.
 */
#ifndef BOXLITE_USER_H
#define BOXLITE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_GROUPS 64
#define MAX_HOME 256
/* Longer lines are skipped. */
#define MAX_DATABASE_LINE 1024u

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[MAX_GROUPS];
    size_t group_count;
    char home[MAX_HOME]; /* "" when passwd has none */
};

/* A file read once, line by line. */
struct line_reader {
    int fd;
    size_t total;
    size_t start;
    size_t end;
    bool skipping; /* inside a line that was too long */
    char buffer[MAX_DATABASE_LINE * 4];
};

/* The files by descriptor, each read once from its start; -1 is an empty file. */
struct user_files {
    int passwd;
    int group;
    struct line_reader reader;
};

/*
 * Resolves "", uid, uid:gid, name or name:group. A group given explicitly replaces the supplementary groups, as with Docker. Files are
 * read up to 1 MiB, so that a hostile image costs bounded time.
 * Returns false for an unknown name or an id that is no number below 2^32 - 1.
 */
bool user_resolve(const char *text, struct user_files *files, struct user *user);

#endif
