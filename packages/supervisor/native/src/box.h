/* Everything one supervisor holds for its box. */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>

#include "config.h"
#include "place.h"
#include "vmm.h"

struct box {
	struct config config;
	struct vmm vmm;
	struct place api;
	struct place agent;
	struct place record; /* shim.pid */
	struct place exit;
	struct place listener_places[CONFIG_MAX_FDS];
	/* Sockets, -1 until bound; only bound ones are removed again. */
	int api_fd;
	int agent_fd;
	int listener_fds[CONFIG_MAX_FDS];
	bool recorded;
};

/* Nothing is open yet. Comes before everything else, since a failed start undoes whatever there is. */
void box_init(struct box *box);
/* Binds every socket of the box. */
bool box_bind(struct box *box, struct start_failure *failure);
/* Closes the extra listeners, which belong to the VMM once it runs; their names stay until the end. */
void box_hand_over_listeners(struct box *box);
/* Removes the names of all sockets and the process record, and gives up the box. */
void box_unbind(struct box *box);

#endif
