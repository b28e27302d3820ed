/*
 * What a machine must not have in common with another: prints one "name=value" a line. With an argument, opens a connection, waits until the boot id has
 * changed and only then, if its connection goes on, prints, to that file: a process that ran before its machine was captured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCE_PORT 40001
#define CLOSED_PORT 9
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void hex(FILE *out, const char *name, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    fprintf(out, "%s=", name);
    for (size_t index = 0; index < length; index++)
        fprintf(out, "%02x", at[index]);
    fputc('\n', out);
}

static int read_line(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, line, size - 1);
    line[got < 0 ? 0 : got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
    return got > 0 ? 0 : -1;
}

/*
 * The sequence number of a SYN on the loopback interface, always between the same ports; and what it is without the clock, which the kernel adds
 * in units of 64 ns: the same for everybody with the same key, but for the time the call takes.
 */
static int sequence(uint32_t *number, uint32_t *keyed)
{
    struct timespec now;
    struct sockaddr_in source = { .sin_family = AF_INET, .sin_port = htons(SOURCE_PORT), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in target = { .sin_family = AF_INET, .sin_port = htons(CLOSED_PORT), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (raw < 0 || tcp < 0 || setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -1;
    if (bind(tcp, (struct sockaddr *)&source, sizeof source) != 0)
        return -1;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (connect(tcp, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS && errno != ECONNREFUSED)
        return -1;
    for (;;) {
        unsigned char packet[256];
        struct pollfd wait = { .fd = raw, .events = POLLIN };
        if (poll(&wait, 1, 2000) != 1)
            return -1;
        ssize_t got = recv(raw, packet, sizeof packet, 0);
        size_t header = (packet[0] & 15u) * 4u;
        if (got < (ssize_t)(header + sizeof(struct tcphdr)))
            continue;
        struct tcphdr tcp_header;
        memcpy(&tcp_header, packet + header, sizeof tcp_header);
        if (!tcp_header.syn || tcp_header.ack || tcp_header.dest != htons(CLOSED_PORT))
            continue;
        *number = ntohl(tcp_header.seq);
        *keyed = *number - (uint32_t)(((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) >> 6);
        close(raw);
        close(tcp);
        return 0;
    }
}

/* Both ends of a connection on the loopback interface. */
static int open_connection(int ends[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || ends[0] < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0)
        return -1;
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0 || connect(ends[0], (struct sockaddr *)&address, length) != 0)
        return -1;
    ends[1] = accept(listener, NULL, NULL);
    return ends[1] < 0 ? -1 : close(listener);
}

static int goes_on(const int ends[2])
{
    char byte = 'x';
    for (int end = 0; end < 2; end++)
        if (write(ends[end], &byte, 1) != 1 || read(ends[1 - end], &byte, 1) != 1)
            return -1;
    return 0;
}

int main(int count, char **arguments)
{
    char line[64], before[64];
    unsigned char bytes[32];
    uint32_t number = 0, keyed = 0;
    int ends[2];
    FILE *out = stdout;
    if (count > 1) {
        const struct timespec turn = { .tv_nsec = 1000000 };
        /* The generator is in use before, also the one of this process's processor. */
        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes || read_line(BOOT_ID, before, sizeof before) != 0)
            return 1;
        if (open_connection(ends) != 0 || goes_on(ends) != 0)
            return 8;
        printf("waiting\n");
        fflush(stdout);
        do {
            nanosleep(&turn, NULL);
            if (read_line(BOOT_ID, line, sizeof line) != 0)
                return 2;
        } while (strcmp(line, before) == 0);
        if (goes_on(ends) != 0)
            return 9;
        char unfinished[256];
        snprintf(unfinished, sizeof unfinished, "%s.new", arguments[1]);
        out = fopen(unfinished, "w");
    }
    if (out == NULL || getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return 3;
    hex(out, "random", bytes, sizeof bytes);
    if (read_line("/proc/sys/kernel/random/uuid", line, sizeof line) != 0)
        return 4;
    fprintf(out, "uuid=%s\n", line);
    if (read_line(BOOT_ID, line, sizeof line) != 0)
        return 5;
    fprintf(out, "boot id=%s\n", line);
    if (count == 1) {
        hex(out, "AT_RANDOM", (void *)getauxval(AT_RANDOM), 16);
        fprintf(out, "stack=%p\n", (void *)&number);
        fprintf(out, "mmap=%p\n", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    if (sequence(&number, &keyed) != 0)
        return 6;
    fprintf(out, "TCP sequence=%08x\nTCP key=%08x\n", number, keyed);
    if (count > 1) {
        char unfinished[256];
        snprintf(unfinished, sizeof unfinished, "%s.new", arguments[1]);
        if (fclose(out) != 0 || rename(unfinished, arguments[1]) != 0)
            return 7;
    }
    return 0;
}
