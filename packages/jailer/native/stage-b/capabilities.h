#ifndef BOXLITE_CAPABILITIES_H
#define BOXLITE_CAPABILITIES_H

/* Empties the bounding set and locks the secure bits, as far as this process may: it needs CAP_SETPCAP, so it comes before the ids. */
void limit_capabilities(void);

/*
 * Empties the inheritable, permitted, effective and ambient sets, and checks all five. Ends the process when one is not empty; only the bounding
 * set may be left to a user who is not root and was never allowed to empty it, who gains nothing from it under no_new_privs.
 */
void clear_capabilities(void);

#endif
