#ifndef BOXLITE_USER_NAMESPACE_H
#define BOXLITE_USER_NAMESPACE_H

#include <stdbool.h>

/*
 * Makes a user namespace with these maps (lines of /proc/PID/uid_map) and returns a descriptor of it, closed by exec. `sealed`: nobody can make a
 * further user namespace in it. `within`: a namespace it is made in, or -1 for this process's own. Ends the process when it cannot be had.
 */
int make_user_namespace(int within, const char *uid_map, const char *gid_map, bool sealed);

#endif
