#include "ending.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "panic.h"

#define MAX_MESSAGE 1024

/* The last line of stderr that is not empty. */
static struct text last_line(const uint8_t *errors, size_t size)
{
	size_t start;

	while (size > 0 && (errors[size - 1] == '\n' || errors[size - 1] == '\r' || errors[size - 1] == ' '))
		size--;
	for (start = size; start > 0 && errors[start - 1] != '\n'; start--)
		continue;
	return (struct text){errors + start, size - start};
}

static void put_message(struct json *json, const char *text, struct text detail)
{
	static uint8_t message[MAX_MESSAGE];
	size_t length = strlen(text);

	if (length > sizeof(message) - 2)
		length = sizeof(message) - 2;
	memcpy(message, text, length);
	if (detail.size > 0) {
		if (length > 0) {
			message[length++] = ':';
			message[length++] = ' ';
		}
		size_t room = sizeof(message) - length;
		size_t taken = detail.size < room ? detail.size : room;

		/* One line, as every message is. */
		for (size_t index = 0; index < taken; index++)
			message[length + index] = detail.bytes[index] == '\n' ? ' ' : detail.bytes[index];
		length += taken;
	}
	json_raw(json, ",\"message\":");
	json_string(json, message, length, 4096);
}

static void put_stderr(struct json *json, const struct ending *ending)
{
	json_raw(json, ",\"stderrTail\":");
	json_string(json, ending->errors, ending->errors_size, 6 * STDERR_TAIL_BYTES);
	json_raw(json, "}");
}

static bool describe_error(const struct ending *ending, struct json *json, int code, const char *text, struct text detail)
{
	json_raw(json, "{\"kind\":\"Error\",\"code\":");
	json_number(json, code);
	put_message(json, text, detail);
	put_stderr(json, ending);
	return true;
}

static bool describe_signal(const struct ending *ending, struct json *json, int number)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "the VMM was killed by signal %d (%s)%s", number, strsignal(number),
		       number == 9 ? ", perhaps because the host ran out of memory" : "");
	json_raw(json, "{\"kind\":\"Signal\",\"signal\":");
	json_number(json, number);
	put_message(json, text, last_line(ending->errors, ending->errors_size));
	put_stderr(json, ending);
	return true;
}

static void put_call(struct json *json, const struct refused_call *call)
{
	char text[24];

	json_raw(json, ",\"call\":{\"number\":");
	json_number(json, call->number);
	json_raw(json, ",\"architecture\":");
	json_number(json, (long long)call->architecture);
	json_raw(json, ",\"args\":[");
	for (size_t index = 0; index < 6; index++) {
		(void)snprintf(text, sizeof(text), "%s\"0x%llx\"", index > 0 ? "," : "", (unsigned long long)call->args[index]);
		json_raw(json, text);
	}
	json_raw(json, "]}");
}

/* A call its policy refuses ends a VMM whatever else was asked of it: a VMM that was stopping may not have written everything. */
static bool describe_refused(const struct ending *ending, struct json *json)
{
	const struct text none = {NULL, 0};
	char text[320];

	json_raw(json, "{\"kind\":\"Signal\",\"signal\":");
	json_number(json, SIGSYS);
	if (ending->refused) {
		const struct refused_call *call = ending->refused;

		(void)snprintf(text, sizeof(text),
			       "the VMM made a system call its policy forbids: %s (%d) with arguments 0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx",
			       call->name[0] ? call->name : "one without a name here", call->number, (unsigned long long)call->args[0],
			       (unsigned long long)call->args[1], (unsigned long long)call->args[2], (unsigned long long)call->args[3],
			       (unsigned long long)call->args[4], (unsigned long long)call->args[5]);
		put_message(json, text, none);
		put_call(json, ending->refused);
	} else {
		put_message(json,
			    ending->diagnosed ? "the VMM was killed by signal 31 (SIGSYS) for a system call that a filter of its own forbids, "
						"not the jail's"
					      : "the VMM made a system call its policy forbids and was killed by signal 31 (SIGSYS); "
						"start the box with seccomp 'diagnose' to see which",
			    last_line(ending->errors, ending->errors_size));
	}
	put_stderr(json, ending);
	return true;
}

static bool describe_panic(const struct ending *ending, struct json *json, const char *text, struct text detail)
{
	json_raw(json, "{\"kind\":\"Panic\"");
	put_message(json, text, detail);
	put_stderr(json, ending);
	return true;
}

static bool describe_clean(struct json *json, const char *reason)
{
	json_raw(json, "{\"kind\":\"Clean\",\"reason\":\"");
	json_raw(json, reason);
	json_raw(json, "\"}");
	return false;
}

bool ending_describe(const struct ending *ending, struct json *json)
{
	const struct text none = {NULL, 0};
	int signal_number = WIFSIGNALED(ending->wait_status) ? WTERMSIG(ending->wait_status) : 0;
	int code = WIFEXITED(ending->wait_status) ? WEXITSTATUS(ending->wait_status) : 128 + signal_number;
	struct text panic = kernel_panic(ending->console, ending->console_size);
	char text[64];

	if (ending->wrapped && code > 128 && code < 128 + 65)
		signal_number = code - 128;
	if (ending->refused || (signal_number == SIGSYS && !ending->killed))
		return describe_refused(ending, json);
	if (ending->cause == END_ASKED)
		return describe_clean(json, "shutdown");
	if (ending->cause == END_PROTOCOL)
		return describe_error(ending, json, code, "guest agent broke the protocol", none);
	if (panic.size > 0)
		return describe_panic(ending, json, "", panic);
	if (ending->cause == END_AGENT_LOST && ending->killed)
		return describe_error(ending, json, code, "guest agent hung up and the machine did not power off", none);
	panic = vmm_panic(ending->errors, ending->errors_size);
	if (panic.size > 0 && (signal_number > 0 || code != 0))
		return describe_panic(ending, json, "the VMM panicked", panic);
	if (signal_number > 0)
		return describe_signal(ending, json, signal_number);
	if (code == 0)
		return describe_clean(json, "guest");
	(void)snprintf(text, sizeof(text), "the VMM exited with status %d", code);
	return describe_error(ending, json, code, text, last_line(ending->errors, ending->errors_size));
}
