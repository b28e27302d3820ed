#include "json-reader.h"

#include <string.h>

#define MAX_INTEGER 9007199254740991u

static bool fail(struct json_reader *reader, const char *error)
{
	if (!reader->error)
		reader->error = error;
	return false;
}

static void skip_space(struct json_reader *reader)
{
	while (reader->next < reader->end && memchr(" \t\r\n", *reader->next, 4))
		reader->next++;
}

void json_begin(struct json_reader *reader, char *text, size_t size)
{
	*reader = (struct json_reader){.next = text, .end = text + size};
}

bool json_take(struct json_reader *reader, char expected)
{
	skip_space(reader);
	if (reader->next >= reader->end || *reader->next != expected)
		return false;
	reader->next++;
	return true;
}

bool json_expect(struct json_reader *reader, char expected)
{
	if (json_take(reader, expected))
		return true;
	return fail(reader, reader->next >= reader->end ? "the document ends early" : "the document is not well-formed");
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* The four digits after \u. */
static bool read_unit(struct json_reader *reader, uint32_t *unit)
{
	*unit = 0;
	if (reader->end - reader->next < 4)
		return fail(reader, "the document ends early");
	for (int index = 0; index < 4; index++) {
		int digit = hex_digit(*reader->next++);

		if (digit < 0)
			return fail(reader, "a \\u escape needs four hexadecimal digits");
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return true;
}

/* Writes a code point as UTF-8. Never longer than the escape it comes from. */
static char *put_point(char *to, uint32_t point)
{
	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (char)(0xe0 | point >> 12);
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (char)(0xf0 | point >> 18);
		*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	return to;
}

static bool read_escape(struct json_reader *reader, char **to)
{
	static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	uint32_t point;
	uint32_t low;

	if (reader->next >= reader->end)
		return fail(reader, "the document ends early");
	char kind = *reader->next++;

	for (size_t index = 0; index + 1 < sizeof(plain); index += 2) {
		if (plain[index] == kind) {
			*(*to)++ = plain[index + 1];
			return true;
		}
	}
	if (kind != 'u')
		return fail(reader, "an unknown escape in a string");
	if (!read_unit(reader, &point))
		return false;
	if (point >= 0xd800 && point < 0xdc00) {
		if (reader->end - reader->next < 2 || reader->next[0] != '\\' || reader->next[1] != 'u')
			return fail(reader, "half a surrogate pair in a string");
		reader->next += 2;
		if (!read_unit(reader, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(reader, "half a surrogate pair in a string");
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	} else if (point >= 0xdc00 && point < 0xe000) {
		return fail(reader, "half a surrogate pair in a string");
	}
	if (point == 0)
		return fail(reader, "a NUL in a string");
	*to = put_point(*to, point);
	return true;
}

/* The bytes of the UTF-8 character at `text` (RFC 3629: no overlong forms, no surrogates), 0 when there is none. */
static size_t character_size(const char *text, const char *end)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t need = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 6 ? 2 : bytes[0] >> 4 == 14 ? 3 : bytes[0] >> 3 == 30 ? 4 : 0;

	if (need <= 1)
		return need;
	if ((size_t)(end - text) < need)
		return 0;
	uint32_t point = bytes[0] & (0xffu >> (need + 1));

	for (size_t index = 1; index < need; index++) {
		if (bytes[index] >> 6 != 2)
			return 0;
		point = point << 6 | (bytes[index] & 0x3f);
	}
	return point < least[need] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : need;
}

bool json_string(struct json_reader *reader, const char **text, size_t *length)
{
	if (!json_take(reader, '"'))
		return fail(reader, "expected a string");
	char *to = reader->next;

	*text = to;
	while (reader->next < reader->end) {
		char character = *reader->next;

		if (character == '"') {
			reader->next++;
			*length = (size_t)(to - *text);
			/* At most where the closing quote was. */
			*to = '\0';
			return true;
		}
		if (character == '\\') {
			reader->next++;
			if (!read_escape(reader, &to))
				return false;
			continue;
		}
		if ((unsigned char)character < 0x20)
			return fail(reader, "a control character in a string");
		size_t size = character_size(reader->next, reader->end);

		if (size == 0)
			return fail(reader, "a string that is not UTF-8");
		memmove(to, reader->next, size);
		to += size;
		reader->next += size;
	}
	return fail(reader, "the document ends early");
}

bool json_integer(struct json_reader *reader, uint64_t *number)
{
	skip_space(reader);
	const char *start = reader->next;

	*number = 0;
	while (reader->next < reader->end && *reader->next >= '0' && *reader->next <= '9') {
		*number = *number * 10 + (uint64_t)(*reader->next++ - '0');
		if (*number > MAX_INTEGER)
			return fail(reader, "a number that is too large");
	}
	if (reader->next == start || (*start == '0' && reader->next - start > 1))
		return fail(reader, "expected a whole number");
	if (reader->next < reader->end && memchr(".eE+-", *reader->next, 5))
		return fail(reader, "expected a whole number");
	return true;
}

bool json_boolean(struct json_reader *reader, bool *value)
{
	skip_space(reader);
	size_t left = (size_t)(reader->end - reader->next);

	*value = left >= 4 && memcmp(reader->next, "true", 4) == 0;
	if (!*value && !(left >= 5 && memcmp(reader->next, "false", 5) == 0))
		return fail(reader, "expected true or false");
	reader->next += *value ? 4 : 5;
	return true;
}

bool json_end(struct json_reader *reader)
{
	skip_space(reader);
	return reader->next == reader->end || fail(reader, "something follows the document");
}
