#ifndef BOXLITE_ESCAPE_ATTEMPT_H
#define BOXLITE_ESCAPE_ATTEMPT_H

#include <stddef.h>

/*
 * One way out of the jail. `run` never returns: it ends the process with one of the verdicts below. What a verdict claims is judged from outside
 * wherever something outside can tell (a changed file, a connection, a secret that was read).
 */
struct attempt {
  const char *name;
  void (*run)(void);
};

/* Ends with "escaped"; the detail is what was got hold of, if anything (bounded, one line). */
_Noreturn void escaped(const char *detail);
_Noreturn void escaped_with(const char *data, size_t length);

/* Ends with "refused" and the name of the error. */
_Noreturn void refused(int error);

/* Ends with "refused" where the kernel gave no error but the way led nowhere. */
_Noreturn void refused_because(const char *why);

/* Ends with "impossible": this machine has no such way at all (a device or system call that is not there). */
_Noreturn void impossible(const char *why);

/* The value of `key=value` among the arguments; ends as impossible when it was not given. */
const char *parameter(const char *key);
long number(const char *key);

/* The name the hostile program writes into what it changes. */
extern const char MARK[];

/* The tables, one a topic, each ended by an entry without a name. */
extern const struct attempt read_attempts[], write_attempts[], link_attempts[], execute_attempts[], process_attempts[];
extern const struct attempt process_file_attempts[], socket_attempts[], network_attempts[], packet_attempts[], kernel_attempts[];
extern const struct attempt machine_attempts[], namespace_attempts[], mount_attempts[], device_attempts[], privilege_attempts[];
extern const struct attempt resource_attempts[], descriptor_attempts[], linger_attempts[];

#endif
