#ifndef BOXLITE_KEYRING_H
#define BOXLITE_KEYRING_H

/*
 * Leaves the session keyring of whoever started the box for an empty one without a name. Thread and process keyrings end with exec. Where keyctl is
 * not to be had the command cannot use a keyring either.
 */
void leave_keyrings(void);

#endif
