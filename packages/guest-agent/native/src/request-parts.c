#include "request-parts.h"

#include <stdlib.h>
#include <string.h>

struct gathering {
    uint32_t stream; /* 0: free */
    bool refused;    /* the rest is swallowed */
    uint8_t *bytes;
    size_t length;
};

static struct gathering table[MAX_REQUESTS_IN_PARTS];
/* Of all together: a request may be large, but not many at once. */
static size_t gathered;
#define MAX_GATHERED_BYTES (4u * MAX_REQUEST_BYTES)

static struct gathering *find(uint32_t stream)
{
    for (size_t index = 0; index < MAX_REQUESTS_IN_PARTS; index++) {
        if (table[index].stream == stream)
            return &table[index];
    }
    return NULL;
}

static void empty(struct gathering *gathering)
{
    gathered -= gathering->length;
    free(gathering->bytes);
    gathering->bytes = NULL;
    gathering->length = 0;
}

static bool append(struct gathering *gathering, const struct frame *frame, struct failure *failure)
{
    size_t length = gathering->length + frame->length;
    if (length > MAX_REQUEST_BYTES)
        return fail(failure, "invalid_argument", "argv", 0, "a request of more than %u bytes", MAX_REQUEST_BYTES);
    uint8_t *bytes = gathered + frame->length > MAX_GATHERED_BYTES ? NULL : realloc(gathering->bytes, length == 0 ? 1 : length);
    if (bytes == NULL)
        return fail(failure, "resource_exhausted", "", 0, "no memory for a request of %zu bytes", length);
    memcpy(bytes + gathering->length, frame->payload, frame->length);
    gathering->bytes = bytes;
    gathering->length = length;
    gathered += frame->length;
    return true;
}

enum parts_state request_parts_take(const struct frame *frame, struct blob *whole, struct failure *failure)
{
    bool more = (frame->flags & FRAME_FLAG_MORE) != 0;
    struct gathering *gathering = find(frame->stream);
    if (gathering == NULL && !more) {
        *whole = (struct blob){ .bytes = frame->payload, .length = frame->length };
        return PARTS_COMPLETE;
    }
    if (gathering == NULL && (gathering = find(0)) == NULL) {
        /* As many processes in the middle of a long request: the machine is told too much at once to keep track of it. */
        (void)fail(failure, "resource_exhausted", "", 0, "%d requests in parts are under way", MAX_REQUESTS_IN_PARTS);
        return PARTS_REFUSED;
    }
    gathering->stream = frame->stream;
    bool refused_now = !gathering->refused && !append(gathering, frame, failure);
    if (refused_now) {
        gathering->refused = true;
        empty(gathering);
    }
    if (more)
        return refused_now ? PARTS_REFUSED : PARTS_PENDING;
    if (gathering->refused) {
        *gathering = (struct gathering){ .stream = 0 };
        return refused_now ? PARTS_REFUSED : PARTS_PENDING;
    }
    *whole = (struct blob){ .bytes = gathering->bytes, .length = gathering->length };
    return PARTS_COMPLETE;
}

void request_parts_done(uint32_t stream)
{
    request_parts_forget(stream, ~0u);
}

void request_parts_forget(uint32_t stream, uint32_t mask)
{
    for (size_t index = 0; index < MAX_REQUESTS_IN_PARTS; index++) {
        if (table[index].stream == 0 || ((table[index].stream ^ stream) & mask) != 0)
            continue;
        empty(&table[index]);
        table[index] = (struct gathering){ .stream = 0 };
    }
}
