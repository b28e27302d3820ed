#ifndef BOXLITE_HAND_OVER_NAMESPACES_H
#define BOXLITE_HAND_OVER_NAMESPACES_H

/*
 * From here on mounts of this process are its own; what the host mounts later still shows. Whoever is not root needs a user namespace for that, in
 * which they are who they were.
 */
void leave_mount_namespace(void);

#endif
