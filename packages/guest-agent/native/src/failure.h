/* What an operation reports when it fails: the fields of the wire's Error. */
#ifndef BOXLITE_FAILURE_H
#define BOXLITE_FAILURE_H

#include <stdbool.h>

struct failure {
    const char *code;  /* of the BoxLite error model */
    const char *field; /* the offending field of the request, or "" */
    int errno_value;
    char message[256];
};

/* Fills failure and returns false, so that callers can `return fail(...)`. errno_value 0: no reason of the system is added. */
bool fail(struct failure *failure, const char *code, const char *field, int errno_value, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
