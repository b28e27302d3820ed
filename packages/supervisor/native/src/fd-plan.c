#include "fd-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int plan_raise(int fd)
{
	int raised, saved;

	if (fd < 0)
		return -1;
	raised = fcntl(fd, F_DUPFD_CLOEXEC, CONFIG_FD_LIMIT);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return raised;
}

bool plan_move(struct stage_plan *plan, int fd, int target)
{
	int raised = plan_raise(fd);

	if (raised < 0)
		return false;
	if (plan->move_count == STAGE_A_MAX_FDS) {
		(void)close(raised);
		errno = EMFILE;
		return false;
	}
	plan->moves[plan->move_count++] = (struct fd_move){.source = raised, .target = target};
	return true;
}

static bool fill(int fd, const struct bytes *content)
{
	uint32_t done = 0;

	while (done < content->size) {
		ssize_t wrote = write(fd, content->data + done, content->size - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return false;
		done += (uint32_t)wrote;
	}
	return lseek(fd, 0, SEEK_SET) == 0 &&
	       fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

bool plan_bytes(struct stage_plan *plan, const struct bytes *content, int target)
{
	int fd = memfd_create("boxlite", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int saved;

	if (fd < 0)
		return false;
	if (!fill(fd, content)) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return false;
	}
	return plan_move(plan, fd, target);
}

static const char *check_regular(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return "cannot examine";
	errno = 0;
	if (!S_ISREG(status.st_mode))
		return "not a regular file";
	return fcntl(fd, F_SETFL, 0) < 0 ? "cannot prepare" : NULL;
}

const char *plan_file(struct stage_plan *plan, const char *path, int target)
{
	/* Of a pipe nobody writes to, open(2) would wait for the other end; a terminal would become ours. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *problem = fd < 0 ? "cannot open" : check_regular(fd);
	int saved = errno;

	if (fd >= 0 && problem) {
		(void)close(fd);
		errno = saved;
	}
	return problem ? problem : plan_move(plan, fd, target) ? NULL : "cannot keep open";
}

int plan_output(struct stage_plan *plan, int target)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	if (!plan_move(plan, ends[1], target) || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int saved = errno;

		(void)close(ends[0]);
		errno = saved;
		return -1;
	}
	return ends[0];
}

int plan_input(struct stage_plan *plan, int target)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	if (!plan_move(plan, ends[0], target)) {
		int saved = errno;

		(void)close(ends[1]);
		errno = saved;
		return -1;
	}
	return ends[1];
}

void plan_finish(struct stage_plan *plan)
{
	for (size_t index = 1; index < plan->move_count; index++) {
		struct fd_move move = plan->moves[index];
		size_t at = index;

		for (; at > 0 && plan->moves[at - 1].target > move.target; at--)
			plan->moves[at] = plan->moves[at - 1];
		plan->moves[at] = move;
	}
}

void plan_close(struct stage_plan *plan)
{
	for (size_t index = 0; index < plan->move_count; index++)
		(void)close(plan->moves[index].source);
	plan->move_count = 0;
}
