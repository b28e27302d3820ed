/* The table of executions, and the pipes that outlive them. */
#include "execution.h"

#include <string.h>
#include <unistd.h>

static struct execution table[MAX_EXECUTIONS];
static unsigned table_end;
static uint64_t last_id;

struct execution *execution_at(unsigned index)
{
    return &table[index];
}

unsigned executions_end(void)
{
    return table_end;
}

unsigned execution_index(const struct execution *execution)
{
    return (unsigned)(execution - table);
}

struct execution *execution_allocate(void)
{
    for (unsigned index = 0; index < MAX_EXECUTIONS; index++) {
        struct execution *execution = &table[index];
        if (execution->state != EXECUTION_FREE)
            continue;
        memset(execution, 0, sizeof *execution);
        execution->status_fd = execution->in.fd = execution->out[0].fd = execution->out[1].fd = -1;
        execution->id = ++last_id;
        execution->in.allowed = INITIAL_CREDIT_BYTES;
        execution->out[0].credit = execution->out[1].credit = INITIAL_CREDIT_BYTES;
        if (index >= table_end)
            table_end = index + 1;
        return execution;
    }
    return NULL;
}

struct execution *execution_of_stream(uint32_t stream)
{
    for (unsigned index = 0; index < table_end; index++) {
        if (table[index].state != EXECUTION_FREE && table[index].attached && table[index].stream == stream)
            return &table[index];
    }
    return NULL;
}

struct execution *execution_of_pid(pid_t pid)
{
    for (unsigned index = 0; index < table_end; index++) {
        if (table[index].state != EXECUTION_FREE && table[index].pid == pid)
            return &table[index];
    }
    return NULL;
}

bool executions_starting(void)
{
    for (unsigned index = 0; index < table_end; index++) {
        if (table[index].state != EXECUTION_FREE && table[index].status_fd >= 0)
            return true;
    }
    return false;
}

bool executions_alive(void)
{
    for (unsigned index = 0; index < table_end; index++) {
        if (table[index].state != EXECUTION_FREE && table[index].pid != 0)
            return true;
    }
    return false;
}

void execution_release(struct execution *execution)
{
    input_close(execution);
    output_detach(execution);
    if (execution->status_fd >= 0)
        close(execution->status_fd);
    execution->state = EXECUTION_FREE;
    while (table_end > 0 && table[table_end - 1].state == EXECUTION_FREE)
        table_end--;
}
