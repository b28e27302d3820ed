/* Programs that were not granted. Each is run in a child whose status says that it really ran. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"

enum { RAN = 77 };

/* `fd` or `path` is executed with one argument; the status tells. `remove`: a file to take away again. */
_Noreturn static void executes(int fd, const char *path, const char *word, const char *remove) {
  int pipes[2];
  int status;
  int error = 0;
  char *const arguments[] = {(char *)"program", (char *)word, NULL};
  char *const environment[] = {NULL};

  if (pipe2(pipes, O_CLOEXEC) == -1) refused(errno);
  const pid_t child = fork();
  if (child == -1) refused(errno);
  if (child == 0) {
    if (fd >= 0) (void)syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
    else (void)execve(path, arguments, environment);
    error = errno;
    (void)!write(pipes[1], &error, sizeof error);
    _exit(1);
  }
  (void)close(pipes[1]);
  const ssize_t told = read(pipes[0], &error, sizeof error);
  const pid_t ended = waitpid(child, &status, 0);
  if (remove != NULL) (void)unlink(remove);
  if (told == (ssize_t)sizeof error) refused(error);
  if (ended == -1) refused(errno);
  if (WIFSIGNALED(status)) refused_because("the child was killed");
  if (WEXITSTATUS(status) != RAN) refused_because("it ran without what it should have gained");
  escaped("it ran");
}

static void copy_into(int to) {
  const int from = open(parameter("own-program"), O_RDONLY);
  struct stat found;

  if (from == -1 || fstat(from, &found) == -1) impossible("its own program cannot be read");
  for (off_t at = 0; at < found.st_size;) {
    char block[65536];
    const ssize_t got = pread(from, block, sizeof block, at);

    if (got <= 0) impossible("its own program cannot be read");
    if (write(to, block, (size_t)got) != got) refused(errno);
    at += got;
  }
  (void)close(from);
}

static void run_copy(const char *directory) {
  char path[512];

  snprintf(path, sizeof path, "%s/boxlite-hostile-%d", directory, getpid());
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
  if (fd == -1) refused(errno);
  copy_into(fd);
  if (close(fd) == -1) refused(errno);
  executes(-1, path, "ran", path);
}

_Noreturn static void not_granted(void) { executes(-1, parameter("other-program"), "ran", NULL); }

_Noreturn static void written(void) {
  run_copy(parameter("writable-dir"));
  impossible("not reached");
}

_Noreturn static void written_in_tmp(void) {
  run_copy("/tmp");
  impossible("not reached");
}

/* No name, no file system: what is written to memory and run from there. */
_Noreturn static void from_memory(void) {
  const int fd = memfd_create("program", 0);

  if (fd == -1) refused(errno);
  copy_into(fd);
  executes(fd, NULL, "ran", NULL);
}

/* Executable memory of its own making needs no file at all; it is what a break-in uses anyway. Told apart: mapping a written file executable. */
_Noreturn static void maps_written(void) {
  char path[512];

  snprintf(path, sizeof path, "%s/code", parameter("writable-dir"));
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0700);
  if (fd == -1) refused(errno);
  copy_into(fd);
  const void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (code == MAP_FAILED) refused(errno);
  escaped("mapped");
}

/*
 * The loader is granted with the VMM's libraries, and runs any file it is told to: it maps what may not be executed. The file lies in a writable
 * directory, as the program itself could have put it there. It becomes the loader itself, so that a filter without fork leaves it the way.
 */
_Noreturn static void by_loader(void) {
  char *const arguments[] = {(char *)"loader", (char *)parameter("written-program"), NULL};
  char *const environment[] = {NULL};

  (void)execve(parameter("loader"), arguments, environment);
  refused(errno);
}

/* A program of the host that belongs to root and carries its set-user-id bit. */
_Noreturn static void set_user_id_program(void) { executes(-1, parameter("set-user-id-program"), "ids", NULL); }

const struct attempt execute_attempts[] = {
  {"execute-not-granted", not_granted},
  {"execute-written", written},
  {"execute-written-in-tmp", written_in_tmp},
  {"execute-from-memory", from_memory},
  {"map-written-executable", maps_written},
  {"execute-written-by-loader", by_loader},
  {"execute-set-user-id", set_user_id_program},
  {NULL, NULL},
};
