#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "container-cgroup.h"
#include "container-disk.h"
#include "execution.h"

#define FREEZE CONTAINER_CGROUP "/cgroup.freeze"
#define EVENTS CONTAINER_CGROUP "/cgroup.events"
#define FROZEN "frozen 1"

/* As many as commands may run. */
#define MAX_PARKED MAX_EXECUTIONS

struct parked {
    uint32_t stream; /* 0: free */
    struct request *request;
};

static struct parked parked[MAX_PARKED];
static unsigned parked_end; /* they are started in the order they came */
static bool on;
static uint32_t owner;

bool hold_is_on(void)
{
    return on;
}

static bool set_frozen(bool frozen, struct failure *failure)
{
    int fd = open(FREEZE, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, errno == ENOENT ? "unsupported" : "internal", "", errno, "opening %s", FREEZE);
    bool written = write(fd, frozen ? "1" : "0", 1) == 1;
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "", errno, "closing %s", FREEZE);
    return written || fail(failure, "internal", "", reason, "writing %s", FREEZE);
}

static int milliseconds_left(uint64_t deadline)
{
    uint64_t now = monotonic_us();
    uint64_t left = deadline <= now ? 0 : (deadline - now) / 1000u + 1;
    return left > INT_MAX ? INT_MAX : (int)left;
}

/* The kernel tells of a change by POLLPRI, once the file has been read. */
static bool await_frozen(uint64_t deadline, struct failure *failure)
{
    int fd = open(EVENTS, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, "internal", "", errno, "opening %s", EVENTS);
    bool frozen = false;
    bool late = false;
    while (!frozen && !late) {
        char text[256];
        ssize_t got = pread(fd, text, sizeof text - 1, 0);
        text[got > 0 ? got : 0] = '\0';
        frozen = strstr(text, FROZEN) != NULL;
        int left = milliseconds_left(deadline);
        late = left == 0;
        struct pollfd wait = { .fd = fd, .events = POLLPRI };
        if (!frozen && poll(&wait, 1, left) < 0 && errno != EINTR)
            break;
    }
    if (close(fd) != 0)
        return fail(failure, "internal", "", errno, "closing %s", EVENTS);
    return frozen || fail(failure, "timeout", "", 0, "a process of the container did not stop in time");
}

bool hold_drain(uint64_t deadline, struct failure *failure)
{
    for (unsigned index = 0; index < executions_end(); index++) {
        struct execution *execution = execution_at(index);
        while (execution->state == EXECUTION_STARTING && execution->status_fd >= 0) {
            struct pollfd wait = { .fd = execution->status_fd, .events = POLLIN };
            int left = milliseconds_left(deadline);
            if (left == 0)
                return fail(failure, "timeout", "", 0, "a command did not start in time");
            if (poll(&wait, 1, left) > 0)
                execution_status(execution);
        }
    }
    return true;
}

bool hold_begin(uint32_t stream, const struct quiesce_request *request, struct failure *failure)
{
    struct failure ignored;
    uint64_t limit = request->timeout_ms == 0 ? HOLD_TIMEOUT_US : (uint64_t)request->timeout_ms * 1000u;
    uint64_t deadline = monotonic_us() + limit;
    if (on) {
        owner = stream >> 16;
        return !request->sync || container_disk_sync(CONTAINER_MOUNT, failure);
    }
    if (!hold_drain(deadline, failure))
        return false;
    on = true;
    owner = stream >> 16;
    if (set_frozen(true, failure) && await_frozen(deadline, failure) && (!request->sync || container_disk_sync(CONTAINER_MOUNT, failure)))
        return true;
    if (!hold_end(&ignored))
        console_log("boxlite-guest: %s", ignored.message);
    return false;
}

bool hold_end(struct failure *failure)
{
    if (!on)
        return true;
    on = false;
    owner = 0;
    return set_frozen(false, failure);
}

bool hold_park(uint32_t stream, struct request *request)
{
    struct request *copy = parked_end < MAX_PARKED ? malloc(sizeof *copy) : NULL;
    if (copy == NULL)
        return false;
    *copy = *request;
    parked[parked_end++] = (struct parked){ .stream = stream, .request = copy };
    return true;
}

struct request *hold_next(uint32_t *stream)
{
    static unsigned next;
    while (!on && next < parked_end) {
        struct parked *first = &parked[next++];
        if (first->stream == 0)
            continue;
        *stream = first->stream;
        first->stream = 0;
        return first->request;
    }
    if (!on)
        next = parked_end = 0;
    return NULL;
}

bool hold_forget(uint32_t stream, uint32_t mask)
{
    bool found = false;
    for (unsigned index = 0; index < parked_end; index++) {
        if (parked[index].stream == 0 || ((parked[index].stream ^ stream) & mask) != 0)
            continue;
        request_free(parked[index].request);
        free(parked[index].request);
        parked[index].stream = 0;
        found = true;
    }
    return found;
}

void hold_slot_gone(uint32_t slot)
{
    struct failure failure;
    if (on && owner == slot && !hold_end(&failure))
        console_log("boxlite-guest: %s", failure.message);
}
