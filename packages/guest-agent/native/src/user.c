#include "user.h"

#include <errno.h>
#include <string.h>

#define MAX_FILE_BYTES (1024u * 1024u)
#define MAX_NAME 256u

#ifdef BOXLITE_FUZZ
/* By way of libc, so that the sanitizers see what is written where. */
#include <unistd.h>

static long read_some(int fd, void *buffer, size_t size)
{
    return read(fd, buffer, size);
}
#else
#include "raw-syscall.h"

static long read_some(int fd, void *buffer, size_t size)
{
    long got;
    do
        got = RAW(SYS_read, fd, buffer, size);
    while (got == -EINTR);
    return got;
}
#endif

/* The next line without its newline, or NULL. Too long lines are skipped. */
static char *next_line(struct line_reader *reader)
{
    for (;;) {
        char *line = reader->buffer + reader->start;
        char *newline = memchr(line, '\n', reader->end - reader->start);
        if (newline != NULL) {
            *newline = '\0';
            reader->start = (size_t)(newline + 1 - reader->buffer);
            if (!reader->skipping && (size_t)(newline - line) < MAX_DATABASE_LINE)
                return line;
            reader->skipping = false;
            continue;
        }
        if (reader->end - reader->start >= MAX_DATABASE_LINE) {
            reader->skipping = true;
            reader->start = reader->end;
        }
        memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
        long got = 0;
        if (reader->fd >= 0 && reader->total < MAX_FILE_BYTES)
            got = read_some(reader->fd, reader->buffer + reader->end, sizeof reader->buffer - 1 - reader->end);
        if (got > 0) {
            reader->end += (size_t)got;
            reader->total += (size_t)got;
            continue;
        }
        /* A last line without a newline. */
        if (reader->end == 0 || reader->skipping)
            return NULL;
        reader->buffer[reader->end] = '\0';
        reader->start = reader->end = 0;
        return reader->buffer;
    }
}

static struct line_reader *open_reader(struct user_files *files, int fd)
{
    struct line_reader *reader = &files->reader;
    reader->fd = fd;
    reader->total = reader->start = reader->end = 0;
    reader->skipping = false;
    return reader;
}

/* Splits at colons in place; missing fields are "". */
static void split(char *line, char **fields, size_t count)
{
    static char nothing[1] = "";
    for (size_t index = 0; index < count; index++) {
        fields[index] = line == NULL ? nothing : line;
        if (line == NULL)
            continue;
        char *colon = strchr(line, ':');
        if (colon != NULL)
            *colon++ = '\0';
        line = colon;
    }
}

/* A decimal id below 2^32 - 1, which means "unchanged" to the kernel. */
static bool parse_id(const char *text, unsigned *id)
{
    unsigned long long value = 0;
    if (*text == '\0')
        return false;
    for (const char *digit = text; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || digit - text > 10)
            return false;
        value = value * 10 + (unsigned)(*digit - '0');
    }
    if (value >= 0xffffffffull)
        return false;
    *id = (unsigned)value;
    return true;
}

/* Finds a user by name or by id; takes uid, gid, home, and the name into `name`. */
static bool find_user(struct user_files *files, const char *wanted, const unsigned *wanted_id, struct user *user, char *name)
{
    struct line_reader *reader = open_reader(files, files->passwd);
    for (char *line; (line = next_line(reader)) != NULL;) {
        char *field[7];
        unsigned uid, gid;
        split(line, field, 7);
        if (field[0][0] == '\0' || !parse_id(field[2], &uid) || !parse_id(field[3], &gid))
            continue;
        if (wanted_id != NULL ? uid != *wanted_id : strcmp(field[0], wanted) != 0)
            continue;
        user->uid = uid;
        user->gid = gid;
        if (strlen(field[5]) < sizeof user->home)
            strcpy(user->home, field[5]);
        if (strlen(field[0]) < MAX_NAME)
            strcpy(name, field[0]);
        return true;
    }
    return false;
}

static bool find_group(struct user_files *files, const char *wanted, gid_t *gid)
{
    struct line_reader *reader = open_reader(files, files->group);
    for (char *line; (line = next_line(reader)) != NULL;) {
        char *field[4];
        unsigned id;
        split(line, field, 4);
        if (strcmp(field[0], wanted) == 0 && parse_id(field[2], &id)) {
            *gid = id;
            return true;
        }
    }
    return false;
}

static bool lists_member(char *members, const char *name)
{
    for (char *rest = members; rest != NULL;) {
        char *comma = strchr(rest, ',');
        if (comma != NULL)
            *comma++ = '\0';
        if (strcmp(rest, name) == 0)
            return true;
        rest = comma;
    }
    return false;
}

static void collect_groups(struct user_files *files, const char *name, struct user *user)
{
    struct line_reader *reader = open_reader(files, files->group);
    for (char *line; (line = next_line(reader)) != NULL && user->group_count < MAX_GROUPS;) {
        char *field[4];
        unsigned id;
        split(line, field, 4);
        if (parse_id(field[2], &id) && lists_member(field[3], name))
            user->groups[user->group_count++] = id;
    }
}

bool user_resolve(const char *text, struct user_files *files, struct user *user)
{
    char who[MAX_NAME];
    char name[MAX_NAME] = "";
    memset(user, 0, sizeof *user);
    size_t length = strcspn(text, ":");
    if (length >= sizeof who)
        return false;
    memcpy(who, text, length);
    who[length] = '\0';
    /* "name:" is the same as "name". */
    const char *group = text[length] == ':' && text[length + 1] != '\0' ? text + length + 1 : NULL;
    if (length == 0)
        strcpy(who, "0");
    unsigned id;
    if (parse_id(who, &id)) {
        if (!find_user(files, NULL, &id, user, name))
            user->uid = id;
    } else if (!find_user(files, who, NULL, user, name)) {
        return false;
    }
    if (group == NULL) {
        if (name[0] != '\0')
            collect_groups(files, name, user);
        return true;
    }
    unsigned gid;
    if (!parse_id(group, &gid))
        return find_group(files, group, &user->gid);
    user->gid = gid;
    return true;
}
