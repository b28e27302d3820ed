/*
 * Requests longer than one frame: parts with the flag MORE, then one without. Bounded in bytes and in how many may be under way; a request
 * that is refused is swallowed to its last part, so that the host hears one answer.
 */
#ifndef BOXLITE_REQUEST_PARTS_H
#define BOXLITE_REQUEST_PARTS_H

#include <stdbool.h>

#include "failure.h"
#include "frame.h"
#include "request.h"

/* Linux takes about 2 MiB of arguments and environment (a quarter of the stack limit); a request is more than those alone never. */
#define MAX_REQUEST_BYTES (1024u * 1024u)
#define MAX_REQUESTS_IN_PARTS 64

enum parts_state { PARTS_COMPLETE, PARTS_PENDING, PARTS_REFUSED };

/*
 * Takes the payload of a REQUEST frame. PARTS_COMPLETE: *whole is the request, valid until request_parts_done. PARTS_REFUSED: failure
 * is to be answered.
 */
enum parts_state request_parts_take(const struct frame *frame, struct blob *whole, struct failure *failure);

/* Frees what a complete request of this stream was gathered in. */
void request_parts_done(uint32_t stream);

/* Forgets the unfinished requests of the streams that match in the bits of the mask: they are closed. */
void request_parts_forget(uint32_t stream, uint32_t mask);

#endif
