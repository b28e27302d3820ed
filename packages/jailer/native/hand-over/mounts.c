#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "give-up.h"

/* linux/mount.h and asm-generic/unistd.h, written out: installed headers are often older than the running kernel. */
enum { SYSCALL_OPEN_TREE = 428, SYSCALL_MOVE_MOUNT = 429, SYSCALL_MOUNT_SETATTR = 442 };
#define TREE_CLONE 1U
#define MOVE_FROM_EMPTY_PATH 0x00000004U
#define MOVE_TO_EMPTY_PATH 0x00000040U
#define ATTRIBUTE_IDMAP 0x00100000ULL
#define RECURSIVE 0x8000U

struct mount_attributes {
  uint64_t set, clear, propagation, userns_fd;
};

struct handed_over {
  const char *path;
  int target; /* what is there now */
  int tree;   /* the same with the ids of the box */
};

static struct handed_over all[MAX_HANDED_OVER];
static size_t count;

void leave_mount_namespace(void) {
  if (unshare(CLONE_NEWNS) == -1) give_up("mounts", "unshare", errno);
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1) give_up("mounts", "propagation", errno);
}

/* What a mount above covers needs none of its own: a mount is made recursively. */
static bool is_covered(const char *path) {
  for (size_t i = 0; i < count; i++) {
    const size_t length = strlen(all[i].path);
    if (strncmp(path, all[i].path, length) == 0 && (path[length] == '/' || path[length] == '\0')) return true;
  }
  return false;
}

/* Whoever reads it needs no ids; a program must be executable by all as well. */
static bool is_open_to_all(const struct stat *found) {
  const mode_t mode = found->st_mode;
  return S_ISREG(mode) && (mode & S_IROTH) != 0 && ((mode & S_IXUSR) == 0 || (mode & S_IXOTH) != 0);
}

/* Clones before any clone is put in its place: a path below one would be cloned with its ids, which cannot be changed a second time. */
static void clone_tree(char letter, const char *path, int idmap) {
  if ((letter != 'r' && letter != 'w') || path[0] != '/') give_up("paths", path, EINVAL);
  if (is_covered(path)) return;
  const int target = open(path, O_PATH | O_CLOEXEC);
  if (target == -1) {
    if (errno == ENOENT || errno == ENOTDIR) return; /* nothing there to grant */
    give_up("open", path, errno);
  }
  struct stat found;
  if (fstat(target, &found) == -1) give_up("stat", path, errno);
  if (letter == 'r' && is_open_to_all(&found)) {
    if (close(target) == -1) give_up("close", path, errno);
    return;
  }
  if (count == MAX_HANDED_OVER) give_up("paths", path, E2BIG);
  const unsigned flags = TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | RECURSIVE;
  const long tree = syscall(SYSCALL_OPEN_TREE, target, "", flags);
  if (tree == -1) give_up("clone", path, errno);
  const struct mount_attributes attributes = {.set = ATTRIBUTE_IDMAP, .userns_fd = (uint64_t)idmap};
  if (syscall(SYSCALL_MOUNT_SETATTR, (int)tree, "", AT_EMPTY_PATH | RECURSIVE, &attributes, sizeof attributes) == -1)
    give_up("idmap", path, errno);
  all[count++] = (struct handed_over){.path = path, .target = target, .tree = (int)tree};
}

void hand_over(const char *paths, size_t length, int idmap) {
  if (length > 0 && paths[length - 1] != '\0') give_up("paths", "the last one has no end", EINVAL);
  for (size_t at = 0; at < length; at += strlen(paths + at) + 1) clone_tree(paths[at], paths + at + 1, idmap);
  for (size_t i = 0; i < count; i++) {
    if (syscall(SYSCALL_MOVE_MOUNT, all[i].tree, "", all[i].target, "", MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH) == -1)
      give_up("mount", all[i].path, errno);
    if (close(all[i].tree) == -1 || close(all[i].target) == -1) give_up("close", all[i].path, errno);
  }
}
