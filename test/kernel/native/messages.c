#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* mqueue: POSIX message queues, by priority. */
void probe_mqueue(char **arguments)
{
    (void)arguments;
    char text[64];
    unsigned priority;
    struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = sizeof text };
    mqd_t queue = mq_open("/kernel-probe", O_CREAT | O_RDWR, 0600, &attributes);
    must(queue, "mq_open");
    must(mq_send(queue, "low", 4, 1), "mq_send");
    must(mq_send(queue, "high", 5, 9), "mq_send");
    check(mq_receive(queue, text, sizeof text, &priority) == 5 && priority == 9 && strcmp(text, "high") == 0, "the urgent one comes first");
    must(mq_unlink("/kernel-probe"), "mq_unlink");
}

/* inotify DIRECTORY: a new file is told. */
void probe_inotify(char **arguments)
{
    _Alignas(struct inotify_event) char buffer[512];
    int watcher = must(inotify_init1(IN_CLOEXEC), "inotify_init1");
    must(inotify_add_watch(watcher, arguments[0], IN_CREATE), "inotify_add_watch");
    must(chdir(arguments[0]), "chdir");
    must(close(must(open("seen", O_CREAT | O_WRONLY, 0600), "seen")), "seen");
    must(read(watcher, buffer, sizeof buffer), "read");
    const struct inotify_event *event = (const void *)buffer;
    check((event->mask & IN_CREATE) != 0 && strcmp(event->name, "seen") == 0, "the new file is told");
    must(unlink("seen"), "unlink");
}

/* io-uring: one operation that does nothing goes in and comes out. */
void probe_io_uring(char **arguments)
{
    (void)arguments;
    struct io_uring_params parameters = { 0 };
    int ring = must(syscall(SYS_io_uring_setup, 4, &parameters), "io_uring_setup");
    size_t entries_size = parameters.sq_entries * sizeof(struct io_uring_sqe);
    struct io_uring_sqe *entries = mmap(NULL, entries_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    check(entries != MAP_FAILED, "the entries can be mapped");
    size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    size_t submission_size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
    check((parameters.features & IORING_FEAT_SINGLE_MMAP) != 0, "one mapping has both rings");
    char *rings = mmap(NULL, size > submission_size ? size : submission_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    check(rings != MAP_FAILED, "the rings can be mapped");
    entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .user_data = 4711 };
    *(unsigned *)(void *)(rings + parameters.sq_off.array) = 0;
    *(unsigned *)(void *)(rings + parameters.sq_off.tail) += 1;
    must(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
    const struct io_uring_cqe *done = (const void *)(rings + parameters.cq_off.cqes);
    check(*(unsigned *)(void *)(rings + parameters.cq_off.tail) == 1 && done->user_data == 4711 && done->res == 0, "it is done");
}
