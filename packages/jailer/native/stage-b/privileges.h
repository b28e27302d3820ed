#ifndef BOXLITE_PRIVILEGES_H
#define BOXLITE_PRIVILEGES_H

#include "arguments.h"

/*
 * Supplementary groups (where permitted: a user namespace may forbid setgroups, and then they are those of the user who started the box), gid,
 * uid, and checks that none comes back. Then no_new_privs.
 */
void drop_privileges(const struct arguments *arguments);

#endif
