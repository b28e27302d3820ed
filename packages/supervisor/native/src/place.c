#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool place_open(struct place *place, const char *path)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (!slash || length >= sizeof(directory) || slash[1] == '\0' || strlen(slash + 1) > 200) {
		errno = EINVAL;
		return false;
	}
	memcpy(directory, path, length);
	directory[length] = '\0';
	place->name = slash + 1;
	place->dir = open(length ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place->dir >= 0;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t done = write(fd, bytes, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		bytes += done;
		size -= (size_t)done;
	}
	return true;
}

bool place_write(const struct place *place, const char *bytes, size_t size, bool durable)
{
	char staged[256];
	int fd, saved;

	if (snprintf(staged, sizeof(staged), ".%s.%ld", place->name, (long)getpid()) >= (int)sizeof(staged)) {
		errno = ENAMETOOLONG;
		return false;
	}
	/* A leftover of a process that had our number. */
	if (unlinkat(place->dir, staged, 0) < 0 && errno != ENOENT)
		return false;
	fd = openat(place->dir, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (!write_all(fd, bytes, size) || (durable && fsync(fd) < 0)) {
		saved = errno;
		(void)close(fd);
		(void)unlinkat(place->dir, staged, 0);
		errno = saved;
		return false;
	}
	if (close(fd) < 0 || renameat(place->dir, staged, place->dir, place->name) < 0) {
		saved = errno;
		(void)unlinkat(place->dir, staged, 0);
		errno = saved;
		return false;
	}
	return !durable || fsync(place->dir) == 0;
}

void place_remove(const struct place *place)
{
	/* Removal happens on the way out, where nobody is left to tell: recovery copes with a leftover. */
	if (place->dir >= 0)
		(void)unlinkat(place->dir, place->name, 0);
}

int place_append(const struct place *place, off_t *size)
{
	struct stat status;
	int fd = openat(place->dir, place->name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) {
		(void)close(fd);
		errno = EINVAL;
		return -1;
	}
	*size = status.st_size;
	return fd;
}
