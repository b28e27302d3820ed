#ifndef BOXLITE_PRIVILEGES_H
#define BOXLITE_PRIVILEGES_H

#include "arguments.h"

/*
 * What is given up where no sandbox outside has done it: supplementary groups, gid, uid (each checked to have changed), capabilities. A process that
 * had none to begin with keeps its groups. Then, in any case, no_new_privs, which Landlock needs.
 */
void drop_privileges(const struct arguments *arguments);

#endif
