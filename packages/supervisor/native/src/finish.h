/* The end of a box: nothing of it stays alive, its record is on disk, everybody connected is told. */
#ifndef FINISH_H
#define FINISH_H

#include "box.h"

/* Called when the direct child has been reaped. */
void box_finish(struct box *box);
/* Undoes a start that failed: kills and reaps what runs, removes the sockets and the record. */
void box_abandon(struct box *box);

#endif
