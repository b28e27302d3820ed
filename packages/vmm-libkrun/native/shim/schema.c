#include "schema.h"

#include <stdio.h>
#include <string.h>

struct reading {
	struct json_reader json;
	char field[FIELD_NAME_MAX];
	const char *reason;
};

static bool wrong(struct reading *reading, const char *reason)
{
	if (!reading->reason)
		reading->reason = reason;
	return false;
}

static bool malformed(struct reading *reading)
{
	return wrong(reading, reading->json.error ? reading->json.error : "the document is not well-formed");
}

/* Enters a member or an element; the name before is what to return to. A name too long is cut, in an error only. */
static size_t enter(struct reading *reading, const char *separator, const char *name)
{
	size_t length = strlen(reading->field);

	(void)snprintf(reading->field + length, sizeof(reading->field) - length, "%s%s", length > 0 ? separator : "", name);
	return length;
}

static void leave(struct reading *reading, size_t length)
{
	if (!reading->reason)
		reading->field[length] = '\0';
}

static bool read_object(struct reading *reading, const struct schema *schema, char *into);

static bool read_text(struct reading *reading, const struct field *field, char *into)
{
	const char *text;
	size_t length;

	if (!json_string(&reading->json, &text, &length))
		return malformed(reading);
	if (length < field->least)
		return wrong(reading, "is too short");
	if (length > field->most)
		return wrong(reading, "is too long");
	if (field->kind == FIELD_PATH && text[0] != '/')
		return wrong(reading, "is not an absolute path");
	memcpy(into + field->offset, &text, sizeof(text));
	return true;
}

static bool read_number(struct reading *reading, const struct field *field, char *into)
{
	uint64_t number;
	uint32_t value;

	if (!json_integer(&reading->json, &number))
		return malformed(reading);
	if (number < field->least || number > field->most)
		return wrong(reading, "is out of range");
	value = (uint32_t)number;
	memcpy(into + field->offset, &value, sizeof(value));
	return true;
}

static bool read_choice(struct reading *reading, const struct field *field, char *into)
{
	const char *text;
	size_t length;

	if (!json_string(&reading->json, &text, &length))
		return malformed(reading);
	for (uint32_t index = 0; field->choices[index]; index++) {
		if (strcmp(field->choices[index], text) == 0) {
			memcpy(into + field->offset, &index, sizeof(index));
			return true;
		}
	}
	return wrong(reading, "is none of the known values");
}

static bool read_list(struct reading *reading, const struct field *field, char *into)
{
	size_t count = 0;
	char position[24];

	if (!json_expect(&reading->json, '['))
		return malformed(reading);
	if (!json_take(&reading->json, ']')) {
		do {
			(void)snprintf(position, sizeof(position), "[%zu]", count);
			size_t outer = enter(reading, "", position);

			if (count >= field->most)
				return wrong(reading, "is one too many");
			if (!read_object(reading, field->schema, into + field->offset + count * field->stride))
				return false;
			leave(reading, outer);
			count++;
		} while (json_take(&reading->json, ','));
		if (!json_expect(&reading->json, ']'))
			return malformed(reading);
	}
	memcpy(into + field->count_offset, &count, sizeof(count));
	return true;
}

static bool read_value(struct reading *reading, const struct field *field, char *into)
{
	bool flag;

	switch (field->kind) {
	case FIELD_TEXT:
	case FIELD_PATH:
		return read_text(reading, field, into);
	case FIELD_NUMBER:
		return read_number(reading, field, into);
	case FIELD_CHOICE:
		return read_choice(reading, field, into);
	case FIELD_LIST:
		return read_list(reading, field, into);
	case FIELD_OBJECT:
		return read_object(reading, field->schema, into + field->offset);
	case FIELD_FLAG:
		if (!json_boolean(&reading->json, &flag))
			return malformed(reading);
		memcpy(into + field->offset, &flag, sizeof(flag));
		return true;
	}
	return wrong(reading, "has a kind the shim does not know");
}

static bool read_member(struct reading *reading, const struct schema *schema, char *into, bool *seen)
{
	const char *name;
	size_t length;
	size_t index = 0;

	if (!json_string(&reading->json, &name, &length))
		return malformed(reading);
	size_t outer = enter(reading, ".", name);

	while (index < schema->count && strcmp(schema->fields[index].name, name) != 0)
		index++;
	if (index == schema->count)
		return wrong(reading, "is no known field");
	if (seen[index])
		return wrong(reading, "is there twice");
	seen[index] = true;
	if (!json_expect(&reading->json, ':'))
		return malformed(reading);
	if (!read_value(reading, &schema->fields[index], into))
		return false;
	leave(reading, outer);
	return true;
}

static bool read_object(struct reading *reading, const struct schema *schema, char *into)
{
	bool seen[SCHEMA_MAX_FIELDS] = {false};

	if (!json_expect(&reading->json, '{'))
		return malformed(reading);
	if (!json_take(&reading->json, '}')) {
		do {
			if (!read_member(reading, schema, into, seen))
				return false;
		} while (json_take(&reading->json, ','));
		if (!json_expect(&reading->json, '}'))
			return malformed(reading);
	}
	for (size_t index = 0; index < schema->count; index++) {
		if (!seen[index]) {
			(void)enter(reading, ".", schema->fields[index].name);
			return wrong(reading, "is missing");
		}
	}
	return true;
}

bool schema_read(const struct schema *schema, char *text, size_t size, void *into, struct schema_error *error)
{
	struct reading reading = {.reason = NULL};

	json_begin(&reading.json, text, size);
	if (read_object(&reading, schema, into) && (json_end(&reading.json) || malformed(&reading)))
		return true;
	memcpy(error->field, reading.field, sizeof(error->field));
	error->reason = reading.reason;
	return false;
}
