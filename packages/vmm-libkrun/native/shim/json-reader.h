/*
 * A strict pull parser for one bounded JSON document (RFC 8259), without allocation: strings are decoded in place, so every string read stays valid
 * as long as the document's buffer. Stricter than JSON where a configuration has no use for more: whole numbers only, no NUL in strings.
 */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_reader {
	char *next;
	char *end;
	const char *error; /* what is wrong, set by the first function that returned false */
};

/* The buffer is overwritten. */
void json_begin(struct json_reader *reader, char *text, size_t size);
/* True if the next value starts with this character; consumes it. */
bool json_take(struct json_reader *reader, char expected);
/* As json_take, but its absence is an error. */
bool json_expect(struct json_reader *reader, char expected);
/* A string, ended by a NUL; `length` is without it. */
bool json_string(struct json_reader *reader, const char **text, size_t *length);
/* A whole number from 0 to 2^53 - 1, without sign, fraction and exponent. */
bool json_integer(struct json_reader *reader, uint64_t *number);
bool json_boolean(struct json_reader *reader, bool *value);
/* Nothing but white space is left. */
bool json_end(struct json_reader *reader);

#endif
