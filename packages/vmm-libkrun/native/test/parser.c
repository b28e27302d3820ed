/*
 * The configuration's parser under AddressSanitizer and UBSan.
 *   parser-sanitized <seed> <rounds> <document>
 * Every input lies in a heap block of exactly its size, so that a read past its end is found. Damages the given document in random ways, and makes
 * documents of its own from the pieces of JSON. Says how many were accepted.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

static uint64_t state;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void check_text(const char *text, const char *block, size_t size)
{
	/* Inside the document, and ended inside it. */
	assert(text >= block && text < block + size);
	assert(memchr(text, '\0', (size_t)(block + size - text)));
}

static void check_config(const struct config *config, const char *block, size_t size)
{
	assert(config->version == CONFIG_VERSION && config->vcpus > 0 && config->memory_mib > 0 && config->log_level <= 4);
	assert(config->disk_count <= MAX_DISKS && config->share_count <= MAX_SHARES && config->nic_count <= MAX_NICS);
	check_text(config->library, block, size);
	check_text(config->kernel, block, size);
	check_text(config->command_line, block, size);
	check_text(config->agent.socket, block, size);
	for (size_t index = 0; index < config->disk_count; index++) {
		check_text(config->disks[index].path, block, size);
		assert(config->disks[index].format <= DISK_QCOW2 && config->disks[index].path[0] == '/');
	}
	for (size_t index = 0; index < config->share_count; index++)
		check_text(config->shares[index].tag, block, size);
	for (size_t index = 0; index < config->nic_count; index++)
		assert(strlen(config->nics[index].mac_text) == 17);
}

static bool parse(const char *document, size_t size)
{
	static struct config config;
	struct schema_error error = {.reason = NULL};
	char *block = malloc(size ? size : 1);

	assert(block);
	memcpy(block, document, size);
	bool accepted = config_parse(&config, block, size, &error);

	if (accepted) {
		check_config(&config, block, size);
	} else {
		assert(error.reason && strlen(error.reason) > 0);
		assert(memchr(error.field, '\0', sizeof(error.field)));
	}
	free(block);
	return accepted;
}

static size_t damage(char *document, size_t size, size_t room)
{
	static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\ud83d\\ude00", "true", "null", "-1", "1e9",
					     "99999999999999999999", "\"disks\":", "\"disks\":[]", "\xc0\x80", "\xf4\x90\x80\x80", "\xed\xa0\x80", " "};

	for (uint32_t count = 1 + pick(4); count > 0; count--) {
		size_t at = pick((uint32_t)size + 1);
		const char *piece = pieces[pick(sizeof(pieces) / sizeof(pieces[0]))];
		size_t length = strlen(piece);

		switch (pick(4)) {
		case 0:
			if (at < size)
				document[at] = (char)pick(256);
			break;
		case 1:
			size = at;
			break;
		case 2:
			if (size + length <= room) {
				memmove(document + at + length, document + at, size - at);
				memcpy(document + at, piece, length);
				size += length;
			}
			break;
		default:
			length = pick((uint32_t)(size - at) + 1);
			memmove(document + at, document + at + length, size - at - length);
			size -= length;
		}
	}
	return size;
}

int main(int count, char **arguments)
{
	static char original[CONFIG_MAX_BYTES];
	static char document[2 * CONFIG_MAX_BYTES];
	size_t accepted = 0;

	assert(count == 4);
	state = strtoull(arguments[1], NULL, 10) * 2654435769u + 1;
	FILE *file = fopen(arguments[3], "rb");

	assert(file);
	size_t size = fread(original, 1, sizeof(original), file);

	(void)fclose(file);
	assert(parse(original, size));
	for (unsigned long round = strtoul(arguments[2], NULL, 10); round > 0; round--) {
		memcpy(document, original, size);
		accepted += parse(document, damage(document, size, sizeof(document)));
	}
	/* Nothing but structure, as deep as it fits. */
	memset(document, '{', CONFIG_MAX_BYTES);
	assert(!parse(document, CONFIG_MAX_BYTES));
	memset(document, '[', CONFIG_MAX_BYTES);
	assert(!parse(document, CONFIG_MAX_BYTES));
	(void)printf("%zu accepted\n", accepted);
	return 0;
}
