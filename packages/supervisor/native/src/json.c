#include "json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool append(struct json *json, const char *text, size_t size)
{
	if (json->capacity - json->length <= size)
		return false;
	memcpy(json->text + json->length, text, size);
	json->length += size;
	json->text[json->length] = '\0';
	return true;
}

void json_raw(struct json *json, const char *text)
{
	(void)append(json, text, strlen(text));
}

void json_number(struct json *json, long long number)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%lld", number);

	if (size > 0)
		(void)append(json, digits, (size_t)size);
}

/* Reads one UTF-8 character (RFC 3629: no overlong forms, no surrogates). Returns its bytes, 0 when there is none. */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *point)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t need = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 6 ? 2 : bytes[0] >> 4 == 14 ? 3 : bytes[0] >> 3 == 30 ? 4 : 0;

	if (need == 0 || need > size)
		return 0;
	*point = need == 1 ? bytes[0] : bytes[0] & (0xffu >> (need + 1));
	for (size_t index = 1; index < need; index++) {
		if (bytes[index] >> 6 != 2)
			return 0;
		*point = *point << 6 | (bytes[index] & 0x3f);
	}
	if (*point < least[need] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
		return 0;
	return need;
}

/* The same set that core's escapeText treats as unsafe on a terminal. */
static bool unsafe(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c || point == 0x200e || point == 0x200f ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void json_string(struct json *json, const uint8_t *bytes, size_t size, size_t limit)
{
	size_t start = json->length;

	json_raw(json, "\"");
	while (size > 0) {
		char escaped[8];
		uint32_t point = 0;
		size_t taken = decode(bytes, size, &point);
		const char *text = (const char *)bytes;
		size_t length = taken;

		if (taken == 0) {
			text = "\xef\xbf\xbd";
			length = 3;
			taken = 1;
		} else if (point == '"' || point == '\\') {
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\%c", (char)point);
			text = escaped;
		} else if (unsafe(point)) {
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)point);
			text = escaped;
		}
		/* Room stays for the closing quote and for what follows it. */
		if (json->length - start + length > limit || json->capacity - json->length < length + 64)
			break;
		(void)append(json, text, length);
		bytes += taken;
		size -= taken;
	}
	json_raw(json, "\"");
}

void json_text(struct json *json, const char *text)
{
	json_string(json, (const uint8_t *)text, strlen(text), 4096);
}
