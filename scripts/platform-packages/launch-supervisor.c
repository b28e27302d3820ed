/*
 * Starts a supervisor as the TypeScript client does: launch-supervisor <supervisor> <configuration>
 * Configuration on stdin, status on stdout, connection on descriptor 4. Ends when it ends, and says how.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(const char *supervisor, const char *configuration, int connection)
{
    int in = open(configuration, O_RDONLY);
    int null = open("/dev/null", O_RDWR);

    if (in < 0 || null < 0 || dup2(in, 0) < 0 || dup2(null, 3) < 0 || dup2(connection, 4) < 0)
        return 126;
    execl(supervisor, supervisor, (char *)NULL);
    return 127;
}

int main(int argc, char **argv)
{
    char buffer[4096];
    int pair[2], status;
    long total = 0;
    ssize_t got;
    pid_t pid;

    if (argc != 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    pid = fork();
    if (pid < 0)
        return 1;
    if (pid == 0)
        _exit(start(argv[1], argv[2], pair[1]));
    if (close(pair[1]) < 0)
        return 1;
    while ((got = read(pair[0], buffer, sizeof buffer)) > 0)
        total += got;
    if (waitpid(pid, &status, 0) < 0)
        return 1;
    printf("supervisor ended with status %d after %s\n", WEXITSTATUS(status), total > 0 ? "a welcome" : "nothing");
    return 0;
}
