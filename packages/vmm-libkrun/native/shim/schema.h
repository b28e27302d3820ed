/* Reads a JSON object into a struct by a table: every key known, none twice, every required one there, every value in its bounds. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json-reader.h"

enum field_kind {
	FIELD_TEXT,    /* const char *; `least` to `most` bytes */
	FIELD_PATH,    /* as text, and absolute */
	FIELD_NUMBER,  /* uint32_t; `least` to `most` */
	FIELD_FLAG,    /* bool */
	FIELD_CHOICE,  /* uint32_t: the index in `choices` */
	FIELD_OBJECT,  /* a struct of `schema` */
	FIELD_LIST,    /* an array of structs of `schema`, at most `most`; their number goes to `count_offset` as size_t */
};

struct schema;

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset; /* in the struct */
	uint32_t least;
	uint32_t most;
	const char *const *choices; /* ended by NULL */
	const struct schema *schema;
	size_t stride;
	size_t count_offset;
};

#define SCHEMA_MAX_FIELDS 32

/* All fields are required. */
struct schema {
	const struct field *fields;
	size_t count;
};

#define FIELD_NAME_MAX 160

/* Where a document is wrong: `disks[1].format`. */
struct schema_error {
	char field[FIELD_NAME_MAX];
	const char *reason;
};

/* Reads a document that is one object of this schema. False: `error` says what is wrong and where. */
bool schema_read(const struct schema *schema, char *text, size_t size, void *into, struct schema_error *error);

#endif
