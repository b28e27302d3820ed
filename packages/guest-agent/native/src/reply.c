#include "reply.h"

#include <pb_encode.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "agent.h"
#include "agent.pb.h"
#include "boot.h"
#include "clock.h"
#include "hold.h"
#include "outbox.h"

static void send_message(uint8_t type, uint32_t stream, uint16_t flags, const pb_msgdesc_t *fields, const void *message, size_t bound)
{
    uint8_t *payload = outbox_payload(bound);
    if (payload == NULL) {
        console_log("boxlite-guest: no room for a message of type %u", type);
        return;
    }
    pb_ostream_t out = pb_ostream_from_buffer(payload, bound);
    if (!pb_encode(&out, fields, message)) {
        console_log("boxlite-guest: a message of type %u cannot be encoded: %s", type, PB_GET_ERROR(&out));
        return;
    }
    outbox_commit((struct frame){ .type = type, .stream = stream, .flags = flags, .length = (uint32_t)out.bytes_written });
}

static void respond(uint32_t stream, const boxlite_agent_v1_Response *response, bool end)
{
    uint16_t flags = end ? FRAME_FLAG_END : 0;
    send_message(FRAME_RESPONSE, stream, flags, boxlite_agent_v1_Response_fields, response, boxlite_agent_v1_Response_size);
}

void reply_hello(void)
{
    static const char *const capabilities[] = {
        "init", "exec", "exec-tty", "exec-timeout", "exec-main", "signal", "resize", "ping", "shutdown", "request-parts", "volumes",
        "privileged", "quiesce", "renew", "prepare",
    };
    static boxlite_agent_v1_Hello hello;
    struct utsname machine;
    memset(&hello, 0, sizeof hello);
    hello.generation = PROTOCOL_GENERATION;
    hello.oldest_client = 1;
    (void)snprintf(hello.agent_version, sizeof hello.agent_version, "%s", AGENT_VERSION);
    (void)snprintf(hello.boot_id, sizeof hello.boot_id, "%s", agent.boot_id);
    hello.quiesced = hold_is_on();
    if (uname(&machine) == 0) {
        (void)snprintf(hello.kernel_release, sizeof hello.kernel_release, "%s", machine.release);
        (void)snprintf(hello.architecture, sizeof hello.architecture, "%s", machine.machine);
    }
    hello.capabilities_count = sizeof capabilities / sizeof capabilities[0];
    for (size_t index = 0; index < hello.capabilities_count; index++)
        (void)snprintf(hello.capabilities[index], sizeof hello.capabilities[index], "%s", capabilities[index]);
    hello.initialized = agent.initialized;
    hello.kernel_boot_us = agent.boot_us;
    hello.agent_start_us = boottime_us() - agent.boot_us;
    send_message(FRAME_HELLO, 0, FRAME_FLAG_WINDOWED, boxlite_agent_v1_Hello_fields, &hello, boxlite_agent_v1_Hello_size);
}

void reply_failure(uint32_t stream, uint32_t request, const struct failure *failure, bool end)
{
    static boxlite_agent_v1_Response response;
    memset(&response, 0, sizeof response);
    response.id = request;
    response.which_result = boxlite_agent_v1_Response_error_tag;
    boxlite_agent_v1_Error *error = &response.result.error;
    (void)snprintf(error->code, sizeof error->code, "%s", failure->code);
    (void)snprintf(error->message, sizeof error->message, "%s", failure->message);
    (void)snprintf(error->field, sizeof error->field, "%s", failure->field);
    error->errno_value = (uint32_t)failure->errno_value;
    respond(stream, &response, end);
}

void reply_done(uint32_t stream, uint32_t request, bool end)
{
    boxlite_agent_v1_Response response = { .id = request, .which_result = boxlite_agent_v1_Response_done_tag };
    respond(stream, &response, end);
}

void reply_init_done(uint32_t stream, uint32_t request, uint64_t container_us, uint64_t machine_us)
{
    boxlite_agent_v1_Response response = { .id = request, .which_result = boxlite_agent_v1_Response_init_done_tag };
    boxlite_agent_v1_InitDone *done = &response.result.init_done;
    done->container_us = container_us;
    done->machine_us = machine_us;
    done->disk_us = agent.container.disk_us;
    done->disk_growth_us = agent.container.disk_growth_us;
    (void)snprintf(done->boot_id, sizeof done->boot_id, "%s", agent.boot_id);
    respond(stream, &response, true);
}

void reply_renewed(uint32_t stream, uint32_t request, const char *boot_id, uint64_t renew_us)
{
    boxlite_agent_v1_Response response = { .id = request, .which_result = boxlite_agent_v1_Response_renewed_tag };
    (void)snprintf(response.result.renewed.boot_id, sizeof response.result.renewed.boot_id, "%s", boot_id);
    response.result.renewed.renew_us = renew_us;
    respond(stream, &response, true);
}

void reply_prepared(uint32_t stream, uint32_t request, const struct image_read *read)
{
    boxlite_agent_v1_Response response = { .id = request, .which_result = boxlite_agent_v1_Response_prepared_tag };
    boxlite_agent_v1_Prepared *prepared = &response.result.prepared;
    prepared->disk_us = agent.container.disk_us;
    prepared->read_bytes = read->bytes;
    prepared->read_files = read->files;
    respond(stream, &response, true);
}

void reply_started(const struct execution *execution)
{
    boxlite_agent_v1_Response response = { .id = execution->request, .which_result = boxlite_agent_v1_Response_exec_started_tag };
    response.result.exec_started.execution_id = execution->id;
    response.result.exec_started.pid = (uint32_t)execution->inner_pid;
    respond(execution->stream, &response, false);
}

void reply_exited(const struct execution *execution)
{
    boxlite_agent_v1_Response response = { .id = execution->request, .which_result = boxlite_agent_v1_Response_exited_tag };
    boxlite_agent_v1_Exited *exited = &response.result.exited;
    if (WIFSIGNALED(execution->wait_status))
        exited->signal = (uint32_t)WTERMSIG(execution->wait_status);
    else
        exited->exit_code = (uint32_t)WEXITSTATUS(execution->wait_status);
    exited->timed_out = execution->timed_out;
    exited->duration_us = execution->exited_at - execution->started_at;
    respond(execution->stream, &response, true);
}
