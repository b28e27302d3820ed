#include "dispatch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "container-disk.h"
#include "execution.h"
#include "hold.h"
#include "image-read.h"
#include "machine.h"
#include "outbox.h"
#include "renew.h"
#include "reply.h"
#include "request-parts.h"
#include "request.h"
#include "shutdown.h"
#include "spawn.h"

/* The present host has asked for something, or may have. */
static bool link_used;

static bool initialize(const struct init_request *init, uint64_t *machine_us, struct failure *failure)
{
    uint64_t begun = monotonic_us();
    /* Before anything of the container: what is made of random bytes there is this machine's own. */
    bool ready = machine_set_clock(init->wall_clock_ns, failure) && machine_add_entropy(init->entropy, init->entropy_length, failure);
    *machine_us = monotonic_us() - begun;
    /* The end of a container waits for the processes in it, and those wait to be reaped by us. */
    if (!container_is_prepared_for(&agent.container, init))
        spawn_drop_ahead();
    return ready && container_start(init, &agent.container, failure);
}

/* Once, and before init: the machine is captured next. */
static void handle_prepare(uint32_t stream, struct request *request)
{
    const struct prepare_request *prepare = &request->prepare;
    struct image_read read = { 0, 0 };
    struct failure failure;
    bool done = false;
    if (agent.initialized || agent.ending || agent.container.prepared)
        (void)fail(&failure, agent.ending ? "stopped" : "invalid_state", "", 0, "this machine has been prepared or initialized already");
    else
        done = container_prepare_image(prepare, &agent.container, &failure);
    if (done) {
        read = image_read(CONTAINER_MOUNT, &prepare->paths, prepare->read_bytes);
        done = container_disk_sync(CONTAINER_MOUNT, &failure);
        spawn_ahead();
        request_prepare_memory();
    }
    if (done)
        reply_prepared(stream, request->id, &read);
    else
        reply_failure(stream, request->id, &failure, true);
    request_free(request);
}

static void handle_init(uint32_t stream, struct request *request)
{
    /* The accepted request stays: the defaults of every exec point into it. */
    static struct request kept;
    struct failure failure;
    uint64_t begun = monotonic_us();
    uint64_t machine_us = 0;
    bool done = false;
    if (agent.initialized)
        (void)fail(&failure, "invalid_state", "", 0, "this machine has been initialized already");
    else
        done = initialize(&request->init, &machine_us, &failure);
    if (!done) {
        reply_failure(stream, request->id, &failure, true);
        request_free(request);
        return;
    }
    kept = *request;
    agent.initialized = true;
    agent.env = kept.init.env;
    agent.cwd = kept.init.cwd;
    agent.user = kept.init.user;
    agent.hosts_given = kept.init.hosts.bytes != NULL;
    memcpy(agent.hostname, kept.init.hostname, sizeof agent.hostname);
    memcpy(agent.boot_id, agent.container.boot_id, sizeof agent.boot_id);
    reply_init_done(stream, request->id, monotonic_us() - begun, machine_us);
}

static void handle_quiesce(uint32_t stream, struct request *request)
{
    struct failure failure;
    bool done = false;
    if (!agent.initialized || agent.ending)
        (void)fail(&failure, agent.ending ? "stopped" : "invalid_state", "", 0, "there is no container that could stand still");
    else
        done = hold_begin(stream, &request->quiesce, &failure);
    if (done)
        reply_done(stream, request->id, true);
    else
        reply_failure(stream, request->id, &failure, true);
    request_free(request);
}

static void handle_thaw(uint32_t stream, struct request *request)
{
    struct failure failure;
    if (hold_end(&failure))
        reply_done(stream, request->id, true);
    else
        reply_failure(stream, request->id, &failure, true);
    request_free(request);
}

static void handle_renew(uint32_t stream, struct request *request)
{
    struct failure failure;
    char boot_id[BOOT_ID_BYTES];
    uint64_t begun = monotonic_us();
    bool kept = false;
    bool done = false;
    if (!agent.initialized || agent.ending)
        (void)fail(&failure, agent.ending ? "stopped" : "invalid_state", "", 0, "there is no container that could be renewed");
    else
        done = renew(request, &kept, boot_id, &failure);
    if (done)
        reply_renewed(stream, request->id, boot_id, monotonic_us() - begun);
    else
        reply_failure(stream, request->id, &failure, true);
    if (!kept)
        request_free(request);
}

static void handle_exec(uint32_t stream, struct request *request)
{
    struct failure failure;
    struct execution *execution = NULL;
    if (agent.initialized && !agent.ending && hold_is_on()) {
        if (hold_park(stream, request))
            return;
        (void)fail(&failure, "resource_exhausted", "", 0, "%d commands wait for the container to go on", MAX_EXECUTIONS);
    } else if (!agent.initialized || agent.ending)
        (void)fail(&failure, agent.ending ? "stopped" : "invalid_state", "", 0,
                   agent.ending ? "the machine is shutting down" : "exec before init: there is no container yet");
    else if ((execution = execution_allocate()) == NULL)
        (void)fail(&failure, "resource_exhausted", "", 0, "%d commands are running already", MAX_EXECUTIONS);
    if (execution != NULL) {
        execution->state = EXECUTION_STARTING;
        execution->attached = true;
        execution->stream = stream;
        execution->request = request->id;
        uint32_t id = request->id;
        if (spawn(execution, request, monotonic_us(), &failure))
            return;
        execution->attached = false;
        if (execution->pid == 0)
            execution_release(execution);
        else
            execution_discard(execution);
        reply_failure(stream, id, &failure, true);
        return;
    }
    reply_failure(stream, request->id, &failure, true);
    request_free(request);
}

static void handle_signal(struct execution *execution, const struct request *request)
{
    struct failure failure;
    if (execution->pid == 0)
        (void)fail(&failure, "not_found", "", 0, "the command has ended");
    else if (kill(request->signal_group ? -execution->pid : execution->pid, request->signal) != 0)
        (void)fail(&failure, "execution_failed", "signal", errno, "signal %d", request->signal);
    else {
        reply_done(execution->stream, request->id, false);
        return;
    }
    reply_failure(execution->stream, request->id, &failure, false);
}

static void handle_resize(struct execution *execution, const struct request *request)
{
    struct failure failure;
    struct winsize size = { .ws_row = request->rows, .ws_col = request->cols };
    if (!execution->tty || execution->out[0].fd < 0)
        (void)fail(&failure, "invalid_state", "tty", 0, "the command has no terminal");
    else if (ioctl(execution->out[0].fd, TIOCSWINSZ, &size) != 0)
        (void)fail(&failure, "execution_failed", "tty", errno, "resizing the terminal");
    else {
        reply_done(execution->stream, request->id, false);
        return;
    }
    reply_failure(execution->stream, request->id, &failure, false);
}

/* On the stream of an execution. */
static void handle_running(struct execution *execution, struct request *request)
{
    struct failure failure;
    if (request->operation == OPERATION_SIGNAL)
        handle_signal(execution, request);
    else if (request->operation == OPERATION_RESIZE)
        handle_resize(execution, request);
    else {
        (void)fail(&failure, "agent_protocol", "", 0, "this operation needs a stream of its own");
        reply_failure(execution->stream, request->id, &failure, false);
    }
    request_free(request);
}

/* On a free stream. */
static void handle_opening(uint32_t stream, struct request *request)
{
    struct failure failure;
    switch (request->operation) {
    case OPERATION_INIT:
        handle_init(stream, request);
        return;
    case OPERATION_EXEC:
        handle_exec(stream, request);
        return;
    case OPERATION_QUIESCE:
        handle_quiesce(stream, request);
        return;
    case OPERATION_THAW:
        handle_thaw(stream, request);
        return;
    case OPERATION_RENEW:
        handle_renew(stream, request);
        return;
    case OPERATION_PREPARE:
        handle_prepare(stream, request);
        return;
    case OPERATION_PING:
        reply_done(stream, request->id, true);
        break;
    case OPERATION_SIGNAL:
    case OPERATION_RESIZE:
        /* It crossed the end of its execution on the way: the host has had, or is getting, the last frame of this stream. */
        break;
    default:
        (void)fail(&failure, "unsupported", "", 0, "this agent (generation %u) does not know the operation", PROTOCOL_GENERATION);
        reply_failure(stream, request->id, &failure, true);
        break;
    }
    request_free(request);
}

static void handle_request(const struct frame *frame)
{
    static struct request request;
    struct failure failure;
    struct blob whole;
    struct execution *execution = execution_of_stream(frame->stream);
    if ((frame->stream & 0xffffu) == 0)
        return; /* no stream of anybody: nobody could hear the answer */
    enum parts_state parts = request_parts_take(frame, &whole, &failure);
    if (parts == PARTS_PENDING)
        return;
    request.id = 0;
    if (parts == PARTS_REFUSED || !request_decode(whole.bytes, whole.length, &request, &failure))
        reply_failure(frame->stream, request.id, &failure, execution == NULL);
    else if (execution != NULL)
        handle_running(execution, &request);
    else
        handle_opening(frame->stream, &request);
    if (parts == PARTS_COMPLETE)
        request_parts_done(frame->stream);
}

/* Data of a stream that has ended meanwhile is dropped; data nobody was granted ends the stream. */
static void handle_data(const struct frame *frame)
{
    struct execution *execution = execution_of_stream(frame->stream);
    if (execution == NULL)
        return;
    bool end = (frame->flags & FRAME_FLAG_END) != 0;
    if (frame->channel == CHANNEL_STDIN && input_take(execution, frame->payload, frame->length, end))
        return;
    struct failure failure;
    (void)fail(&failure, "agent_protocol", "", 0, "data of channel %u beyond what was granted", frame->channel);
    reply_failure(execution->stream, execution->request, &failure, true);
    execution_detach(execution);
}

static void close_slot(uint32_t stream)
{
    for (unsigned index = 0; index < executions_end(); index++) {
        struct execution *execution = execution_at(index);
        if (execution->state != EXECUTION_FREE && execution->stream >> 16 == stream >> 16)
            execution_detach(execution);
    }
    request_parts_forget(stream, 0xffff0000u);
    (void)hold_forget(stream, 0xffff0000u);
    hold_slot_gone(stream >> 16);
    outbox_signal(FRAME_SLOT_GONE, stream, 0, 0);
}

void dispatch(const struct frame *frame)
{
    struct execution *execution;
    link_used = link_used || (frame->type != FRAME_HELLO && frame->type != FRAME_LINK_ACK);
    switch (frame->type) {
    case FRAME_HELLO:
        /*
         * The first thing a host says. After anything else it is another host: this machine has been captured and goes on with it, and the hang-up in
         * between was too short to be seen.
         */
        if (link_used)
            dispatch_link_gone();
        reply_hello();
        break;
    case FRAME_REQUEST:
        handle_request(frame);
        break;
    case FRAME_DATA:
        handle_data(frame);
        break;
    case FRAME_CREDIT:
        execution = execution_of_stream(frame->stream);
        if (execution != NULL && frame->length == 4)
            output_credit(execution, frame->channel, read_u32(frame->payload));
        break;
    case FRAME_CLOSE:
        request_parts_forget(frame->stream, ~0u);
        execution = execution_of_stream(frame->stream);
        if (execution != NULL || hold_forget(frame->stream, ~0u)) {
            if (execution != NULL)
                execution_detach(execution);
            /* The last frame of the stream, so that the host knows when it may use the id again. */
            outbox_signal(FRAME_CLOSE, frame->stream, 0, 0);
        }
        break;
    case FRAME_SHUTDOWN:
        shutdown_begin("asked by the host", frame->length == 4 ? (uint64_t)read_u32(frame->payload) * 1000u : SHUTDOWN_GRACE_US);
        break;
    case FRAME_SLOT_GONE:
        close_slot(frame->stream);
        break;
    case FRAME_LINK_ACK:
        if (frame->length == 4)
            outbox_acked(read_u32(frame->payload));
        break;
    default:
        /* Of a newer host, or a mistake: there is nobody to tell. */
        console_log("boxlite-guest: frame of unknown type %u", frame->type);
        break;
    }
}

bool dispatch_link_used(void)
{
    return link_used;
}

void dispatch_link_gone(void)
{
    link_used = false;
    for (unsigned index = 0; index < executions_end(); index++) {
        if (execution_at(index)->state != EXECUTION_FREE)
            execution_detach(execution_at(index));
    }
    request_parts_forget(0, 0);
    (void)hold_forget(0, 0);
    outbox_forget();
}

void dispatch_held(void)
{
    uint32_t stream;
    struct request *request;
    while ((request = hold_next(&stream)) != NULL) {
        handle_exec(stream, request);
        free(request);
    }
}
