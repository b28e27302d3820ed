/* passwd and group files of a hostile image, through the resolver of users. */
#include "user.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz-input.h"

static const char *const pieces[] = { "root", "alice", "staff", ":", ":", ":", ":", "\n", "\n", "0", "1000", "4294967295", "99999999999", "-1", "x", ",", "alice,root", "/home/alice", "" };
static const char *const users[] = { "", "root", "alice", "0", "1000", "alice:staff", "1000:7", "alice:", ":", ":staff", "4294967295", "nobody", "root:root", "0:" };

static void write_all(int fd, const char *bytes, size_t size)
{
    if (write(fd, bytes, size) != (ssize_t)size)
        abort();
}

static int make_file(void)
{
    if (fuzz_below(20) == 0)
        return -1;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0)
        abort();
    for (uint64_t lines = fuzz_below(40); lines > 0; lines--) {
        if (fuzz_below(15) == 0) {
            static char noise[6000];
            size_t size = fuzz_below(sizeof noise);
            for (size_t index = 0; index < size; index++)
                noise[index] = (char)(fuzz_below(3) == 0 ? ':' : fuzz_next());
            write_all(fd, noise, size);
        }
        if (fuzz_below(4) == 0)
            write_all(fd, "alice:x:1000:1000:A:/home/alice:/bin/sh\n", 40);
        for (uint64_t parts = fuzz_below(14); parts > 0; parts--) {
            const char *piece = pieces[fuzz_below(sizeof pieces / sizeof pieces[0])];
            write_all(fd, piece, strlen(piece));
        }
    }
    if (lseek(fd, 0, SEEK_SET) != 0)
        abort();
    return fd;
}

int main(int count, char **arguments)
{
    uint64_t seed, rounds, resolved = 0;
    fuzz_arguments(count, arguments, &seed, &rounds);
    for (uint64_t round = 0; round < rounds; round++) {
        static struct user user;
        fuzz_round(seed, round);
        static struct user_files files;
        files.passwd = make_file();
        files.group = make_file();
        if (user_resolve(users[fuzz_below(sizeof users / sizeof users[0])], &files, &user)) {
            resolved++;
            if (user.uid == (uid_t)-1 || user.gid == (gid_t)-1 || user.group_count > MAX_GROUPS || strlen(user.home) >= MAX_HOME)
                abort();
        }
        if (files.passwd >= 0)
            close(files.passwd);
        if (files.group >= 0)
            close(files.group);
    }
    printf("%llu of %llu users resolved\n", (unsigned long long)resolved, (unsigned long long)rounds);
    return resolved == 0 && rounds >= 1000;
}
