/*
 * The order: SIGTERM to all; when the commands the agent started are gone, the container's init is asked to leave once the orphans are
 * gone too; at the deadline it is killed, and the kernel kills its whole pid namespace with it. Then the exits are sent, the disk is
 * unmounted, and the machine ends.
 */
#include "shutdown.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "execution.h"
#include "hold.h"
#include "outbox.h"

/* How long the host has to take what is left in the outbox. */
#define FLUSH_GRACE_US 500000u

static uint64_t kill_at;
static uint64_t flush_until;
static bool asked_to_leave;
static bool killed;

void shutdown_begin(const char *reason, uint64_t grace_us)
{
    if (agent.ending)
        return;
    agent.ending = true;
    console_log("boxlite-guest: shutting down: %s", reason);
    kill_at = monotonic_us() + grace_us;
    struct failure failure;
    /* Who is frozen hears no SIGTERM. */
    if (!hold_end(&failure))
        console_log("boxlite-guest: %s", failure.message);
    /* Everything but this process: the container's init ignores it, kernel threads take no signals. */
    if (agent.container.running && kill(-1, SIGTERM) != 0 && errno != ESRCH)
        console_log("boxlite-guest: SIGTERM: %s", strerror(errno));
}

void shutdown_container_gone(void)
{
    agent.container.running = false;
    agent.container.init_pid = 0;
    shutdown_begin("the container's init is gone", 0);
}

static _Noreturn void finish(void)
{
    if (agent.initialized || agent.container.prepared)
        container_unmount(&agent.container);
    machine_end();
}

static bool anything_left(void)
{
    for (unsigned index = 0; index < executions_end(); index++) {
        if (execution_at(index)->state != EXECUTION_FREE && execution_at(index)->attached)
            return true;
    }
    return !outbox_is_empty();
}

uint64_t shutdown_step(uint64_t now)
{
    if (agent.container.running) {
        if (!asked_to_leave && !executions_alive()) {
            asked_to_leave = true;
            (void)kill(agent.container.init_pid, SIGUSR1);
        }
        if (!killed && now >= kill_at) {
            killed = true;
            (void)kill(agent.container.init_pid, SIGKILL);
        }
        return killed ? 0 : kill_at;
    }
    if (flush_until == 0)
        flush_until = now + FLUSH_GRACE_US;
    if (!anything_left() || now >= flush_until)
        finish();
    return flush_until;
}
