#include "status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "json.h"

static char line[24576];

static bool send_line(struct json *json)
{
	size_t sent = 0;

	json_raw(json, "}\n");
	while (sent < json->length) {
		ssize_t done = write(STATUS_FD, json->text + sent, json->length - sent);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		sent += (size_t)done;
	}
	return true;
}

void status_failed(const char *step, int error, const char *message, const char *detail, const struct tail *errors)
{
	static uint8_t text[4096];
	struct json json = {.text = line, .capacity = sizeof(line)};
	struct json words = {.text = (char *)text, .capacity = sizeof(text)};

	json_raw(&words, message);
	if (detail) {
		json_raw(&words, ": ");
		json_raw(&words, detail);
	}
	if (error) {
		json_raw(&words, ": ");
		json_raw(&words, strerror(error));
	}
	json_raw(&json, "{\"event\":\"failed\",\"step\":");
	json_text(&json, step);
	json_raw(&json, ",\"errno\":");
	json_number(&json, error);
	json_raw(&json, ",\"message\":");
	json_string(&json, text, words.length, 4096);
	json_raw(&json, ",\"stderr\":");
	json_string(&json, text, errors && errors->capacity <= sizeof(text) ? tail_copy(errors, text) : 0, 8192);
	/* A launcher that is gone needs no line. */
	(void)send_line(&json);
}

static void put_identity(struct json *json, pid_t pid, uint64_t start_time)
{
	json_raw(json, "{\"pid\":");
	json_number(json, (long long)pid);
	json_raw(json, ",\"startTime\":");
	json_number(json, (long long)start_time);
	json_raw(json, "}");
}

bool status_started(pid_t supervisor, const struct process_info *own, pid_t vmm, uint64_t vmm_start)
{
	struct json json = {.text = line, .capacity = sizeof(line)};

	json_raw(&json, "{\"event\":\"started\",\"supervisor\":");
	put_identity(&json, supervisor, own->start_time);
	json_raw(&json, ",\"vmm\":");
	put_identity(&json, vmm, vmm_start);
	return send_line(&json);
}
