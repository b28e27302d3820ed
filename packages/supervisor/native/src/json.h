/* Writes JSON into a buffer of fixed size. What does not fit is cut, inside strings between characters: the text stays valid JSON. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>

struct json {
	char *text;
	size_t capacity;
	size_t length;
};

/* Text of the program itself: keys, braces. */
void json_raw(struct json *json, const char *text);
/*
 * Untrusted bytes as a string, at most `limit` characters of JSON text. Control characters, bidirectional overrides and quotes are escaped;
 * bytes that are not UTF-8 become U+FFFD.
 */
void json_string(struct json *json, const uint8_t *bytes, size_t size, size_t limit);
void json_text(struct json *json, const char *text);
void json_number(struct json *json, long long number);

#endif
