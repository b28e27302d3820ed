/*
 * The parsers and buffers under AddressSanitizer and UBSan, with seeded random input.
 *   parsers-sanitized <seed> <rounds> <config file>
 * Every input lies in a heap block of exactly its size, so that a read past its end is found. Prints each exit record it made, for the
 * caller to check as JSON.
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "ending.h"
#include "frame.h"
#include "link-window.h"
#include "pid-report.h"
#include "ring.h"
#include "slots.h"
#include "tail.h"

static uint64_t state;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static uint8_t *block(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert(copy);
	if (size > 0 && bytes)
		memcpy(copy, bytes, size);
	return copy;
}

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t index = 0; index < size; index++)
		bytes[index] = (uint8_t)pick(256);
}

static void check_config(const uint8_t *good, size_t size)
{
	static struct config config;
	const char *key;
	uint8_t *copy = block(good, size);

	assert(config_decode(&config, copy, size, &key) == NULL);
	free(copy);
	/* Cut anywhere, it is refused. */
	size_t cut = pick((uint32_t)size);

	copy = block(good, cut);
	assert(config_decode(&config, copy, cut, &key) != NULL);
	free(copy);
	copy = block(good, size);
	for (uint32_t count = 1 + pick(8); count > 0; count--)
		copy[pick((uint32_t)size)] = pick(2) ? (uint8_t)pick(256) : (uint8_t)pick(4);
	(void)config_decode(&config, copy, size, &key);
	free(copy);
}

static void check_frames(void)
{
	size_t size = pick(200);
	uint8_t *bytes = block(NULL, size);
	size_t at = 0;
	long taken;
	struct frame frame;

	fill(bytes, size);
	if (size >= 4 && pick(2))
		write_u32(bytes, pick(300));
	while ((taken = frame_parse(bytes + at, size - at, &frame)) > 0) {
		assert((size_t)taken == FRAME_HEADER + frame.length && (size_t)taken <= size - at);
		uint8_t header[FRAME_HEADER];

		frame_header(header, &frame, frame.stream);
		assert(memcmp(header, bytes + at, FRAME_HEADER) == 0);
		if (frame_from_client(&frame) == FRAME_FORWARD)
			assert(frame.stream >= 1 && frame.stream <= 0xffff && frame.type < FRAME_WELCOME);
		if (frame_from_agent(&frame, 1) == FRAME_FORWARD)
			assert(frame.stream >> 16 != 0 && (frame.stream & 0xffff) != 0 && frame.type < FRAME_WELCOME);
		assert(frame.type == FRAME_HELLO || (frame_from_agent(&frame, 0) != FRAME_FORWARD && frame_from_agent(&frame, 0) != FRAME_CONTROL));
		at += (size_t)taken;
	}
	free(bytes);
}

static void check_pid_report(void)
{
	static const char good[] = "{\n    \"child-pid\": 4242,\n    \"mnt-namespace\": 4026532\n}\n";
	size_t size = pick(sizeof(good));
	uint8_t *text = block((const uint8_t *)good, size);
	pid_t pid = 0;

	/* Cut inside the number it must not be taken for a shorter one. */
	if (pid_report_parse((const char *)text, size, &pid))
		assert(pid == 4242);
	for (uint32_t count = pick(4); size > 0 && count > 0; count--)
		text[pick((uint32_t)size)] = (uint8_t)pick(128);
	if (pid_report_parse((const char *)text, size, &pid))
		assert(pid > 1 && pid <= 4194304);
	free(text);
}

static uint8_t *hostile_text(size_t size)
{
	static const char *const pieces[] = {"Kernel panic - not syncing", "thread 'x' panicked at a.rs:1:2:", "\n", "\r\n", "\x1b[2J", "\xe2\x80\xae", "\xc0\x80", "\xed\xa0\x80",
					     "\xf4\x90\x80\x80", "\"\\", "\x7f", "plain words", "\xf0\x9f\x98\x80", "\xe2\x82"};
	uint8_t *text = block(NULL, size);
	size_t at = 0;

	while (at < size) {
		const char *piece = pieces[pick(sizeof(pieces) / sizeof(pieces[0]))];
		size_t length = strlen(piece);

		if (pick(4) == 0) {
			text[at++] = (uint8_t)pick(256);
			continue;
		}
		length = length < size - at ? length : size - at;
		memcpy(text + at, piece, length);
		at += length;
	}
	return text;
}

static void check_ending(void)
{
	static char text[ENDING_MAX_BYTES];
	struct json json = {.text = text, .capacity = sizeof(text)};
	static const struct refused_call refused = {.number = -1, .architecture = UINT32_MAX, .args = {UINT64_MAX, 0, 1}, .name = "a_call"};
	struct ending ending = {
		.diagnosed = pick(2),
		.refused = pick(4) == 0 ? &refused : NULL,
		.cause = (enum end_cause)pick(4),
		.killed = pick(2),
		.wait_status = pick(2) ? (int)pick(256) << 8 : 1 + (int)pick(64),
		.wrapped = pick(2),
		.console_size = pick(CONSOLE_TAIL_BYTES + 1),
		.errors_size = pick(STDERR_TAIL_BYTES + 1),
	};
	uint8_t *console = hostile_text(ending.console_size);
	uint8_t *errors = hostile_text(ending.errors_size);

	ending.console = console;
	ending.errors = errors;
	bool crash = ending_describe(&ending, &json);

	assert(crash || ending.cause != END_PROTOCOL);
	assert(json.length < ENDING_MAX_BYTES - 1 && json.length <= FRAME_MAX_PAYLOAD);
	printf("%s\n", text);
	free(console);
	free(errors);
}

static void check_tail(void)
{
	enum { CAPACITY = 64 };
	uint8_t *kept = block(NULL, CAPACITY);
	struct tail tail = {kept, CAPACITY, 0, 0};
	uint8_t all[1024], copy[CAPACITY];
	size_t total = 0;

	while (total < 700) {
		size_t size = pick(150);

		fill(all + total, size);
		tail_add(&tail, all + total, size);
		total += size;
		size_t expected = total < CAPACITY ? total : CAPACITY;

		assert(tail_copy(&tail, copy) == expected && memcmp(copy, all + total - expected, expected) == 0);
	}
	free(kept);
}

static void check_ring(void)
{
	enum { CAPACITY = 8192, TOTAL = 40000 };
	static uint8_t sent[TOTAL], got[TOTAL];
	size_t in = 0, out = 0;
	struct ring ring;
	int ends[2];

	fill(sent, sizeof(sent));
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ring_open(&ring, CAPACITY));
	while (out < TOTAL) {
		size_t size = pick(3000);

		size = size < TOTAL - in ? size : TOTAL - in;
		size = size < ring_room(&ring) ? size : ring_room(&ring);
		ring_put(&ring, sent + in, size);
		in += size;
		if (pick(2) && in < TOTAL)
			continue;
		assert(ring_flush(&ring, ends[0]));
		ssize_t read_now = recv(ends[1], got + out, TOTAL - out, MSG_DONTWAIT);

		out += read_now > 0 ? (size_t)read_now : 0;
	}
	assert(memcmp(sent, got, TOTAL) == 0);
	ring_close(&ring);
	close(ends[1]);
	assert(ring_open(&ring, CAPACITY));
	ring_put(&ring, sent, 10);
	assert(!ring_flush(&ring, ends[0]));
	ring_close(&ring);
	close(ends[0]);
}

/* Until the agent has confirmed, no slot comes back; afterwards it does. */
static void check_slots(void)
{
	static uint8_t unconfirmed[65536];
	uint32_t slot, given = 0;

	for (int count = 0; count < 70000; count++) {
		slot = slot_take(count % 64);
		if (slot == 0)
			break;
		assert(slot_owner(slot) == count % 64 && !unconfirmed[slot]);
		unconfirmed[slot] = 1;
		given++;
		slot_leave(slot);
		assert(slot_owner(slot) == -1 && slot_next_leaving() == slot);
		slot_confirmed(slot);
		slot_left();
		if (pick(2)) {
			slot_confirmed(slot);
			unconfirmed[slot] = 0;
		}
	}
	assert(given >= 65535);
	for (slot = 1; slot < 65536; slot++)
		slot_confirmed(slot);
	/* More than may wait to be announced are refused, not forgotten. */
	for (given = 0; (slot = slot_take(1)) != 0; given++)
		slot_leave(slot);
	assert(given == SLOTS_MAX_LEAVING);
	while (slot_next_leaving() != 0)
		slot_left();
}

/* Two ends of a link with any delay: no more than the window is ever under way, and it never stands still. */
static void check_window(void)
{
	struct link_window here = {.on = true}, there = {.on = true};
	size_t wire[4096], first = 0, last = 0, in_flight = 0;

	for (int turn = 0; turn < 4000; turn++) {
		size_t size = FRAME_HEADER + pick(pick(4) ? 2000 : FRAME_MAX_PAYLOAD + 1);
		bool sends = pick(2) && window_takes(&here, size);

		if (sends) {
			window_sent(&here, size);
			wire[last++] = size;
			in_flight += size;
		} else if (first < last) {
			window_received(&there, wire[first]);
			in_flight -= wire[first++];
		}
		uint32_t due = window_due(&there);

		if (due > 0) {
			window_paid(&there, due);
			assert(window_acked(&here, due));
		}
		assert(in_flight <= LINK_WINDOW_BYTES);
		/* Everything has arrived: the largest frame goes, or a sender would wait for ever. */
		assert(first < last || window_takes(&here, FRAME_MAX));
	}
	assert(!window_acked(&here, (uint32_t)here.unacked + 1));
	struct link_window off = {.on = false};

	window_sent(&off, 1u << 30);
	window_received(&off, 1u << 30);
	assert(window_takes(&off, FRAME_MAX) && window_due(&off) == 0 && !window_acked(&off, 0));
}

int main(int argc, char **argv)
{
	static uint8_t config[CONFIG_MAX_BYTES];

	assert(argc == 4);
	state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	FILE *file = fopen(argv[3], "rb");

	assert(file);
	size_t size = fread(config, 1, sizeof(config), file);

	assert(size > 0 && fclose(file) == 0);
	for (long rounds = atol(argv[2]); rounds > 0; rounds--) {
		check_config(config, size);
		check_frames();
		check_pid_report();
		check_tail();
		if (rounds % 20 == 0)
			check_ending();
		if (rounds % 500 == 0)
			check_ring();
		if (rounds % 100 == 0)
			check_window();
	}
	check_slots();
	return 0;
}
