#include "config.h"

/* Marks a descriptor as taken. False when it was. */
static bool claim(bool taken[CONFIG_FD_LIMIT], int fd)
{
	if (taken[fd])
		return false;
	taken[fd] = true;
	return true;
}

static bool descriptors_differ(const struct config *config)
{
	bool taken[CONFIG_FD_LIMIT] = {false};

	if (config->bubblewrap && (!claim(taken, config->info_fd) || !claim(taken, config->block_fd)))
		return false;
	if (config->syscall_report_fd && !claim(taken, config->syscall_report_fd))
		return false;
	for (size_t index = 0; index < config->data_count; index++)
		if (!claim(taken, config->data[index].fd))
			return false;
	for (size_t index = 0; index < config->listener_count; index++)
		if (!claim(taken, config->listeners[index].fd))
			return false;
	for (size_t index = 0; index < config->file_count; index++)
		if (!claim(taken, config->files[index].fd))
			return false;
	return true;
}

const char *config_check(const struct config *config)
{
	if (!config->box_id || !config->binary)
		return "box-id and binary are required";
	if (!config->agent_socket || !config->control_dir || !config->pid_file)
		return "agent-socket, control-dir and pid-file are required";
	if (!config->stderr_file || !config->exit_file || !config->console_file || !config->console_max_bytes)
		return "stderr-file, exit-file, console-file and console-max-bytes are required";
	return descriptors_differ(config) ? NULL : "two things are wanted on one descriptor";
}
