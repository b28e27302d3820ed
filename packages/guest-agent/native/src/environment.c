#include "spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Docker's, for images that set none. */
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool same_key(const char *first, const char *second)
{
    size_t length = strcspn(first, "=");
    return strncmp(first, second, length) == 0 && second[length] == '=';
}

static void put(struct environment *environment, char *entry)
{
    for (size_t index = 0; index < environment->count; index++) {
        if (same_key(entry, environment->items[index])) {
            environment->items[index] = entry;
            return;
        }
    }
    environment->items[environment->count++] = entry;
}

static const char *value_of(const struct environment *environment, const char *key)
{
    size_t length = strlen(key);
    for (size_t index = 0; index < environment->count; index++) {
        if (strncmp(environment->items[index], key, length) == 0 && environment->items[index][length] == '=')
            return environment->items[index] + length + 1;
    }
    return NULL;
}

bool environment_merge(const struct text_list *defaults, const struct text_list *extra, const char *hostname, bool terminal,
                       struct environment *environment)
{
    static char path[] = DEFAULT_PATH;
    static char term[] = "TERM=xterm";
    static char host[sizeof "HOSTNAME=" + 65];
    /* PATH, HOSTNAME, TERM, HOME and the end. */
    size_t places = defaults->count + extra->count + 5;
    memset(environment->few, 0, sizeof environment->few);
    environment->items = places <= FEW_ENTRIES ? environment->few : calloc(places, sizeof *environment->items);
    environment->count = 0;
    if (environment->items == NULL)
        return false;
    for (size_t index = 0; index < defaults->count; index++)
        put(environment, defaults->items[index]);
    for (size_t index = 0; index < extra->count; index++)
        put(environment, extra->items[index]);
    if (value_of(environment, "PATH") == NULL)
        environment->items[environment->count++] = path;
    if (value_of(environment, "HOSTNAME") == NULL) {
        (void)snprintf(host, sizeof host, "HOSTNAME=%s", hostname);
        environment->items[environment->count++] = host;
    }
    if (terminal && value_of(environment, "TERM") == NULL)
        environment->items[environment->count++] = term;
    environment->path = value_of(environment, "PATH");
    environment->has_home = value_of(environment, "HOME") != NULL;
    return true;
}

void environment_free(struct environment *environment)
{
    if (environment->items != environment->few)
        free(environment->items);
    environment->items = NULL;
}
