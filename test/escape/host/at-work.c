/*
 * What a VMM that was taken over does in its writable directories while the host works on them. Static, for any view.
 *
 *   at-work listen PATH...     puts a listening socket of its own at each path, and a file PATH.dialled for whoever connects
 *   at-work exchange A B ...   exchanges each pair of names in one step, again and again
 *   at-work fill DIRECTORY     makes and removes directories, links and pipes there, again and again, from a fixed seed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_LISTENERS 16
#define EXCHANGE 2 /* RENAME_EXCHANGE, linux/fs.h */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

static void note(const char *path)
{
	char name[256];

	if (snprintf(name, sizeof(name), "%s.dialled", path) < (int)sizeof(name))
		(void)close(open(name, O_WRONLY | O_CREAT, 0600));
}

static int serve(int count, char **paths)
{
	struct pollfd watched[MAX_LISTENERS];

	for (int index = 0; index < count && index < MAX_LISTENERS; index++)
		watched[index] = (struct pollfd){.fd = listen_at(paths[index]), .events = POLLIN};
	for (;;) {
		if (poll(watched, (nfds_t)count, -1) < 0)
			return 1;
		for (int index = 0; index < count; index++) {
			if ((watched[index].revents & POLLIN) == 0)
				continue;
			(void)close(accept(watched[index].fd, NULL, NULL));
			note(paths[index]);
		}
	}
}

static void exchange(int count, char **paths)
{
	for (;;)
		for (int index = 0; index + 1 < count; index += 2)
			(void)syscall(SYS_renameat2, AT_FDCWD, paths[index], AT_FDCWD, paths[index + 1], EXCHANGE);
}

static void fill(const char *directory)
{
	unsigned seed = 20261122;
	char name[4096];

	for (;;) {
		unsigned drawn = (unsigned)rand_r(&seed);

		(void)snprintf(name, sizeof(name), "%s/%u", directory, drawn % 64);
		switch ((drawn / 64) % 5) {
		case 0: (void)mkdir(name, 0); break;
		case 1: (void)symlink("/", name); break;
		case 2: (void)mkfifo(name, 0600); break;
		case 3: (void)unlink(name); break;
		default: (void)rmdir(name); break;
		}
	}
}

int main(int count, char **words)
{
	if (count >= 3 && strcmp(words[1], "listen") == 0)
		return serve(count - 2, words + 2);
	if (count >= 4 && strcmp(words[1], "exchange") == 0)
		exchange(count - 2, words + 2);
	if (count == 3 && strcmp(words[1], "fill") == 0)
		fill(words[2]);
	return 2;
}
