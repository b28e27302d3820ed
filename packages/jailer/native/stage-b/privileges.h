#ifndef BOXLITE_PRIVILEGES_H
#define BOXLITE_PRIVILEGES_H

#include "arguments.h"

/*
 * Enters the user namespace it is given, then gives up, for good: the capability bounding set, supplementary groups but those listed (where permitted: a user namespace may forbid setgroups, and
 * then they are those of the user who started the box), gid, uid, every capability, the keyrings of whoever started the box, and the way back by
 * exec (no_new_privs). Each is checked afterwards.
 */
void drop_privileges(const struct arguments *arguments);

#endif
