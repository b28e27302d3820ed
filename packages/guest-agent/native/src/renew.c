/*
 * The order: random bytes before whatever is made of them, everything before the thaw. With the reseed BoxLite's kernel draws the key of TCP sequence numbers
 * anew, too. What cannot be renewed from here: what a process of the container has drawn and keeps (the state of its own random generator, the layout
 * of its memory), and what any kernel keeps for good, such as the seeds of its hash tables. See the README.
 */
#include "renew.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "hold.h"
#include "staging.h"

static bool set_hostname(const struct renew_request *request, struct failure *failure)
{
    if (request->hostname[0] == '\0')
        return true;
    /* The agent is in the container's uts namespace. */
    if (sethostname(request->hostname, strlen(request->hostname)) != 0)
        return fail(failure, "invalid_argument", "hostname", errno, "setting the host name");
    memcpy(agent.hostname, request->hostname, sizeof agent.hostname);
    return staging_write_hostname(request->hostname, failure);
}

static bool write_files(const struct renew_request *request, struct failure *failure)
{
    if (request->hosts.bytes != NULL) {
        agent.hosts_given = true;
        if (!staging_write(STAGED_HOSTS, request->hosts.bytes, request->hosts.length, failure))
            return false;
    } else if (!agent.hosts_given && !staging_write_hosts(agent.hostname, failure)) {
        return false;
    }
    return request->resolv_conf.bytes == NULL ||
           staging_write(STAGED_RESOLV_CONF, request->resolv_conf.bytes, request->resolv_conf.length, failure);
}

static bool write_boot_id(char boot_id[BOOT_ID_BYTES], struct failure *failure)
{
    char line[BOOT_ID_BYTES];
    if (!machine_new_boot_id(boot_id, failure))
        return false;
    size_t length = strlen(boot_id);
    memcpy(line, boot_id, length);
    line[length++] = '\n';
    memcpy(agent.boot_id, boot_id, sizeof agent.boot_id);
    return staging_write(STAGED_BOOT_ID, line, length, failure);
}

static void replace_defaults(struct request *request)
{
    /* What the defaults pointed into before, when that was a renewal's: no command is starting that still reads it. */
    static struct request previous;
    request_free(&previous);
    previous = *request;
    agent.env = request->renew.env;
    agent.cwd = request->renew.cwd;
    agent.user = request->renew.user;
}

bool renew(struct request *request, bool *kept, char boot_id[BOOT_ID_BYTES], struct failure *failure)
{
    const struct renew_request *wanted = &request->renew;
    *kept = false;
    if (!hold_drain(monotonic_us() + HOLD_TIMEOUT_US, failure))
        return false;
    if (!machine_add_entropy(wanted->entropy, wanted->entropy_length, failure) || !machine_set_clock(wanted->wall_clock_ns, failure))
        return false;
    if (!set_hostname(wanted, failure) || !write_files(wanted, failure) || !write_boot_id(boot_id, failure))
        return false;
    if (wanted->replace_defaults) {
        replace_defaults(request);
        *kept = true;
    }
    return hold_end(failure);
}
