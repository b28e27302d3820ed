#include "unix-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool address_of(const struct place *place, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	int length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", place->dir, place->name);

	if (length > 0 && (size_t)length < sizeof(address->sun_path))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static int stream_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Removes a socket that nobody serves. False with errno when it is served or is something else. */
static bool clear_stale(const struct place *place, const struct sockaddr_un *address)
{
	struct stat status;
	int probe, answer;

	if (fstatat(place->dir, place->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (!S_ISSOCK(status.st_mode)) {
		errno = ENOTSOCK;
		return false;
	}
	probe = stream_socket();
	if (probe < 0)
		return false;
	answer = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	(void)close(probe);
	if (answer != ECONNREFUSED) {
		errno = EADDRINUSE;
		return false;
	}
	return unlinkat(place->dir, place->name, 0) == 0;
}

int unix_listen(const struct place *place, int backlog)
{
	struct sockaddr_un address;
	mode_t before;
	int fd, saved;

	if (!address_of(place, &address) || !clear_stale(place, &address))
		return -1;
	fd = stream_socket();
	if (fd < 0)
		return -1;
	before = umask(0177);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, backlog) < 0) {
		saved = errno;
		(void)umask(before);
		(void)close(fd);
		errno = saved;
		return -1;
	}
	(void)umask(before);
	return fd;
}

int unix_accept(int listener, pid_t *pid, uid_t *uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd;

	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	*pid = peer.pid;
	*uid = peer.uid;
	return fd;
}
