#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fail(struct failure *failure, const char *code, const char *field, int errno_value, const char *format, ...)
{
    failure->code = code;
    failure->field = field;
    failure->errno_value = errno_value;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    if (length < 0)
        failure->message[0] = '\0';
    size_t used = strlen(failure->message);
    if (errno_value != 0)
        (void)snprintf(failure->message + used, sizeof failure->message - used, ": %s", strerror(errno_value));
    return false;
}
