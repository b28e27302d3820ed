/*
 * The executions: commands running in the container, and what of their bytes is under way. All of it is bounded: their number, each
 * one's queue for stdin, and output, which is read only while the host has granted credit and the outbox has room.
 */
#ifndef BOXLITE_EXECUTION_H
#define BOXLITE_EXECUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"
#include "request.h"

#define MAX_EXECUTIONS 256

/* From SIGTERM to SIGKILL when a timeout has run out. */
#define KILL_GRACE_US 2000000u
/*
 * Output after the command has exited. What it wrote itself is always delivered (it is in the pipe then). Beyond that, processes it
 * left behind may hold the pipe: the channel ends when nothing came for DRAIN_IDLE_US, at the latest DRAIN_MAX_US after the exit.
 */
#define DRAIN_IDLE_US 500000u
#define DRAIN_MAX_US 2000000u
/* The most a pipe can hold (fs.pipe-max-size): after so many bytes everything the command itself wrote is out, too. */
#define MAX_PIPE_BYTES (1024u * 1024u)

enum execution_state {
    EXECUTION_FREE,
    EXECUTION_STARTING, /* forked; whether execve works is not known yet */
    EXECUTION_RUNNING,
    EXECUTION_EXITED, /* reaped; output may be left */
};

struct output {
    int fd; /* -1: closed */
    bool readable;
    bool ended; /* END was sent, or nobody is there to get it */
    bool drained; /* since the exit the pipe was found empty, so all that the command wrote is out */
    size_t after_exit; /* bytes read since */
    uint64_t credit;
    uint64_t idle_at;
};

struct input {
    int fd; /* -1: closed */
    bool end;       /* the host has sent END */
    uint8_t *queue; /* INITIAL_CREDIT_BYTES while bytes wait, else NULL */
    size_t start;
    size_t length;
    size_t allowed; /* bytes the host may still send */
    size_t consumed; /* written to the command, not yet granted to the host again */
};

struct execution {
    enum execution_state state;
    bool attached; /* the host listens on `stream` */
    bool tty;      /* in.fd and out[0].fd are the same terminal */
    bool main;
    bool timed_out;
    bool failed; /* execve did not work: reap silently */
    uint32_t stream;
    uint32_t request;
    uint64_t id;
    pid_t pid;       /* in the agent's namespace; 0 once reaped */
    pid_t inner_pid; /* in the container's, written by the kernel before the child's first instruction */
    int status_fd;
    struct child *child; /* until the status pipe has ended */
    int wait_status;
    uint64_t started_at;
    uint64_t exited_at;
    uint64_t timeout_at; /* 0: none */
    uint64_t kill_at;    /* 0: none */
    struct input in;
    struct output out[2]; /* stdout, stderr */
};

/* What an epoll event is about; the low half is the index of an execution or a left-over pipe. */
enum event_kind { EVENT_LINK = 1, EVENT_SIGNAL, EVENT_STATUS, EVENT_STDIN, EVENT_STDOUT, EVENT_STDERR, EVENT_TTY, EVENT_LEFTOVER };

#define EVENT_TAG(kind, index) ((uint64_t)(kind) << 32 | (uint32_t)(index))

/* The table; index below executions_end() may be in use. */
struct execution *execution_at(unsigned index);
unsigned executions_end(void);
struct execution *execution_allocate(void);
struct execution *execution_of_stream(uint32_t stream);
struct execution *execution_of_pid(pid_t pid);
unsigned execution_index(const struct execution *execution);
bool executions_starting(void); /* any between clone and execve */
bool executions_alive(void); /* any command not reaped yet */
void execution_release(struct execution *execution);

/* execution-input.c: bytes from the host. */
/* False: the host sent more than it was granted, or after END. */
bool input_take(struct execution *execution, const uint8_t *bytes, size_t length, bool end);
void input_pump(struct execution *execution);
void input_close(struct execution *execution);
/* The command has closed its stdin: the host hears END on the channel. */
void input_reader_gone(struct execution *execution);

/* execution-output.c: bytes to the host. True while there is more to do at once. */
bool output_pump(struct execution *execution, uint64_t now);
/* Whether any output found the outbox full since the last call. */
bool output_waited_for_room(void);
void output_credit(struct execution *execution, uint8_t channel, uint32_t bytes);
/* Ends a channel: the host hears END; a pipe that somebody may still hold is kept and drained. */
void output_end(struct execution *execution, unsigned channel, bool held);
/* Nobody listens any more: what comes is read and dropped. */
void output_detach(struct execution *execution);
/* Drops what a left-over pipe holds; see execution_release. */
void leftover_drain(unsigned index);

/* execution-life.c: start result, exit, timeouts. */
void execution_status(struct execution *execution);
void execution_reaped(struct execution *execution, int wait_status, uint64_t now);
/* Kills what is left of the process groups whose leader has ended by a timeout; before any of them is reaped. */
void executions_kill_groups(void);
/* A command that could not be started: it is reaped silently. */
void execution_discard(struct execution *execution);
void execution_timers(struct execution *execution, uint64_t now);
/* When execution_timers has something to do next, 0 for never. */
uint64_t execution_deadline(const struct execution *execution);
/* Sends the exit and frees the slot once everything before it is out. */
void execution_settle(struct execution *execution);
void execution_detach(struct execution *execution);

#endif
