/* Init of the machine: one loop over the link, the signals and the descriptors of the executions. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "dispatch.h"
#include "execution.h"
#include "link.h"
#include "outbox.h"
#include "reply.h"
#include "shutdown.h"
#include "spawn.h"

/* Docker's limit on open files. */
#define MAX_OPEN_FILES 1048576

struct agent agent = { .epoll = -1, .link = -1, .null = -1, .container = NO_CONTAINER };

static int signals;
static bool link_readable;
static uint8_t inbox[FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD];
static size_t inbox_length;

bool watch(int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = { .events = events | EPOLLET, .data.u64 = tag };
    return epoll_ctl(agent.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void set_up(void)
{
    sigset_t child;
    struct rlimit files = { MAX_OPEN_FILES, MAX_OPEN_FILES };
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    /* SIGPIPE needs nothing: the kernel gives init no signal it has not asked for, and commands find the default. */
    if (sigprocmask(SIG_SETMASK, &child, NULL) != 0)
        boot_fatal("signals", errno);
    /* Inherited by every fork: no process of the container may look into one that is on its way to become a command (CVE-2016-9962). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        boot_fatal("dumpable", errno);
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        console_log("boxlite-guest: open files stay limited: %s", strerror(errno));
    agent.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    agent.epoll = epoll_create1(EPOLL_CLOEXEC);
    signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    if (agent.null < 0 || agent.epoll < 0 || signals < 0 || !watch(signals, EPOLLIN, EVENT_TAG(EVENT_SIGNAL, 0)))
        boot_fatal("event loop", errno);
}

static void watch_link(void)
{
    if (!watch(agent.link, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EVENT_TAG(EVENT_LINK, 0)))
        boot_fatal("agent link", errno);
}

static void connect_link(void)
{
    agent.link = link_open(&agent.link_once);
    agent.link_writable = true;
    link_readable = true;
    watch_link();
    reply_hello();
    if (!outbox_flush(agent.link, agent.link_once ? VSOCK_WRITE_BYTES : OUTBOX_BYTES))
        outbox_forget();
    /* While the host reads the hello. What goes wrong here is said by the init that needs it. */
    struct failure failure;
    if (!container_prepare(&agent.container, &failure))
        console_log("boxlite-guest: %s", failure.message);
}

static void reap_children(void)
{
    /* SIGCHLD does not queue: one read empties it. */
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
        boot_fatal("signals", errno);
    executions_kill_groups();
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct execution *execution = execution_of_pid(pid);
        if (execution != NULL)
            execution_reaped(execution, status, monotonic_us());
        else if (pid == agent.container.init_pid)
            shutdown_container_gone();
        else
            spawn_reaped(pid);
    }
}

/* Frames that are complete and may be answered. */
static void parse_inbox(void)
{
    size_t offset = 0;
    while (outbox_takes_requests()) {
        struct frame frame;
        long used = frame_parse(inbox + offset, inbox_length - offset, &frame);
        if (used < 0)
            boot_fatal("the host sent a frame longer than any may be: the link cannot be trusted any more", 0);
        if (used == 0)
            break;
        dispatch(&frame);
        if (frame.type != FRAME_HELLO && frame.type != FRAME_LINK_ACK)
            outbox_received((size_t)used);
        offset += (size_t)used;
    }
    memmove(inbox, inbox + offset, inbox_length - offset);
    inbox_length -= offset;
}

/* The host end is gone. A serial port wakes us when somebody connects again: executions go on. */
static void lose_link(void)
{
    dispatch_link_gone();
    inbox_length = 0;
    if (agent.link_once)
        shutdown_begin("the host has hung up", SHUTDOWN_GRACE_US);
}

/* One read of the link. False: nothing more to do now. */
static bool read_link(void)
{
    if (!link_readable || inbox_length == sizeof inbox)
        return false;
    ssize_t got = read(agent.link, inbox + inbox_length, sizeof inbox - inbox_length);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0) {
        link_readable = false;
        if (got == 0 || errno != EAGAIN)
            lose_link();
        return false;
    }
    inbox_length += (size_t)got;
    return true;
}

static void handle_link(uint32_t events)
{
    static bool gone;
    link_readable = true;
    agent.link_writable = true;
    if ((events & EPOLLHUP) && !agent.link_once) {
        /* A command that is about to start has a copy of the port: then it stays open, and what is unread of the old host is lost by reading it. */
        /* Nor is it opened again where no host has said anything yet: the kernel may hear of the host only after the agent has opened its end. */
        if (!gone && dispatch_link_used() && !executions_starting()) {
            lose_link();
            agent.link = link_reopen(agent.link);
            watch_link();
        }
        gone = true;
    } else if (gone) {
        gone = false;
        reply_hello(); /* to whoever has connected */
    }
}

static void handle_event(const struct epoll_event *event)
{
    unsigned index = (uint32_t)event->data.u64;
    struct execution *execution = execution_at(index < MAX_EXECUTIONS ? index : 0);
    switch ((enum event_kind)(event->data.u64 >> 32)) {
    case EVENT_LINK:
        handle_link(event->events);
        break;
    case EVENT_SIGNAL:
        reap_children();
        break;
    case EVENT_STATUS:
        execution_status(execution);
        break;
    case EVENT_STDIN:
        if (event->events & EPOLLERR)
            input_reader_gone(execution);
        else
            input_pump(execution);
        break;
    case EVENT_STDOUT:
    case EVENT_STDERR:
        execution->out[(event->data.u64 >> 32) - EVENT_STDOUT].readable = true;
        break;
    case EVENT_TTY:
        execution->out[0].readable = true;
        input_pump(execution);
        break;
    case EVENT_LEFTOVER:
        leftover_drain(index);
        break;
    }
}

/* Each execution takes one turn. True: somebody has more to do at once. */
static bool pump_executions(uint64_t now, uint64_t *deadline)
{
    bool more = false;
    /* Another one begins each time, or the first would take every share of a link that is full. */
    static unsigned first;
    unsigned count = executions_end();
    first++;
    for (unsigned turn = 0; turn < count; turn++) {
        struct execution *execution = execution_at((first + turn) % count);
        if (execution->state == EXECUTION_FREE)
            continue;
        execution_timers(execution, now);
        if (output_pump(execution, now))
            more = true;
        execution_settle(execution);
        if (execution->state == EXECUTION_FREE)
            continue;
        *deadline = earlier(*deadline, execution_deadline(execution));
    }
    return more;
}

static int milliseconds_until(uint64_t deadline, uint64_t now)
{
    if (deadline == 0)
        return -1;
    if (deadline <= now)
        return 0;
    uint64_t milliseconds = (deadline - now + 999u) / 1000u;
    return milliseconds > 3600000u ? 3600000 : (int)milliseconds;
}

static _Noreturn void run(void)
{
    struct epoll_event events[64];
    for (;;) {
        bool more = read_link();
        parse_inbox();
        dispatch_held();
        if (link_readable && inbox_length < sizeof inbox)
            more = true;
        uint64_t now = monotonic_us();
        uint64_t deadline = 0;
        if (pump_executions(now, &deadline))
            more = true;
        uint64_t due = outbox_due(now);
        if (due != 0 && due <= now && agent.link_writable) {
            if (!outbox_flush(agent.link, agent.link_once ? VSOCK_WRITE_BYTES : OUTBOX_BYTES))
                outbox_forget();
            agent.link_writable = outbox_is_empty();
        } else if (agent.link_writable) {
            deadline = earlier(deadline, due);
        }
        /* Output that only waited for room has it again; with a link that takes no more, its event wakes us. */
        if (output_waited_for_room() && outbox_is_empty() && outbox_data_room() > 0)
            more = true;
        if (agent.ending) {
            deadline = earlier(deadline, shutdown_step(now));
        }
        int count = epoll_wait(agent.epoll, events, 64, more ? 0 : milliseconds_until(deadline, now));
        if (count < 0 && errno != EINTR)
            boot_fatal("epoll_wait", errno);
        for (int index = 0; index < count; index++)
            handle_event(&events[index]);
    }
}

int main(void)
{
    agent.boot_us = boottime_us();
    if (getpid() != 1)
        return 64; /* EX_USAGE: this is the init of a machine and nothing else */
    boot_mounts();
    set_up();
    connect_link();
    run();
}
