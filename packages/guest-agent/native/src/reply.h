/* Messages to the host, encoded straight into the outbox. */
#ifndef BOXLITE_REPLY_H
#define BOXLITE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "execution.h"
#include "failure.h"
#include "image-read.h"

void reply_hello(void);
void reply_failure(uint32_t stream, uint32_t request, const struct failure *failure, bool end);
void reply_done(uint32_t stream, uint32_t request, bool end);
void reply_init_done(uint32_t stream, uint32_t request, uint64_t container_us, uint64_t machine_us);
void reply_renewed(uint32_t stream, uint32_t request, const char *boot_id, uint64_t renew_us);
void reply_prepared(uint32_t stream, uint32_t request, const struct image_read *read);
void reply_started(const struct execution *execution);
void reply_exited(const struct execution *execution);

#endif
