#include "view-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "give-up.h"
#include "mount-calls.h"

#define LONGEST_NAME 255

/* One of the tree's own file systems: only in these a mount point may be made. Everything else is the host's. */
struct own_place {
  dev_t device;
  int seal; /* its mount when it becomes read-only at the end, else -1 */
};

static int sources[MAX_VIEW_RECORDS];
static struct own_place places[MAX_VIEW_RECORDS + 1];
static size_t place_count;

static const char *path_of(const char *record) {
  const char *path = record[0] == 't' ? strchr(record, ':') : record;
  if (path == NULL || path[1] != '/') give_up("view", record, EINVAL);
  return path + 1;
}

/* Whoever reads it needs no ids; a program must be executable by all as well. */
static bool is_open_to_all(const struct stat *found) {
  const mode_t mode = found->st_mode;
  return S_ISREG(mode) && (mode & S_IROTH) != 0 && ((mode & S_IXUSR) == 0 || (mode & S_IXOTH) != 0);
}

/* A mount of what `path` names on the host, not attached anywhere; -1 when nothing is there. */
static int clone_source(char letter, const char *path, int idmap) {
  const int found = open(path, O_PATH | O_CLOEXEC);
  if (found == -1) {
    if (errno == ENOENT || errno == ENOTDIR) return -1;
    give_up("view", path, errno);
  }
  struct stat status;
  if (fstat(found, &status) == -1) give_up("view", path, errno);
  /* Private: what the host mounts below later would come without these attributes. */
  struct mount_attributes attributes = {.set = ATTRIBUTE_NOSUID, .propagation = MS_PRIVATE};
  if (letter != 'd') attributes.set |= ATTRIBUTE_NODEV;
  if (letter == 'r' || letter == 'n') attributes.set |= ATTRIBUTE_RDONLY;
  /* What a VMM that was taken over writes is not to be mapped as code either, which Landlock's right to execute says nothing of. */
  if (letter == 'w') attributes.set |= ATTRIBUTE_NOEXEC;
  if (idmap != -1 && letter != 'n' && letter != 'd' && !(letter == 'r' && is_open_to_all(&status))) {
    attributes.set |= ATTRIBUTE_IDMAP;
    attributes.userns_fd = (uint64_t)idmap;
  }
  const int tree = clone_mounts(found);
  if (tree == -1) give_up("view: clone", path, errno);
  if (set_mount_attributes(tree, true, &attributes) == -1) give_up("view: attributes", path, errno);
  if (close(found) == -1) give_up("view: close", path, errno);
  return tree;
}

/* Before anything is mounted: the tree's place may lie above what is granted. */
static size_t clone_sources(const char *records, size_t length, int idmap) {
  size_t count = 0;
  for (size_t at = 0; at < length; at += strlen(records + at) + 1, count++) {
    if (count == MAX_VIEW_RECORDS) give_up("view", "too many paths", E2BIG);
    const char letter = records[at];
    const char *path = path_of(records + at);
    if (letter == '\0' || strchr("rwdnhtep", letter) == NULL) give_up("view", path, EINVAL);
    const bool is_new = strchr("htep", letter) != NULL;
    sources[count] = is_new ? -1 : clone_source(letter, letter == 'n' ? "/dev/null" : path, idmap);
  }
  return count;
}

static void own(int directory, int seal) {
  struct stat status;
  if (fstat(directory, &status) == -1) give_up("view", "stat of an own place", errno);
  places[place_count++] = (struct own_place){.device = status.st_dev, .seal = seal};
}

static bool is_own(int directory) {
  struct stat status;
  if (fstat(directory, &status) == -1) give_up("view", "stat of a parent", errno);
  for (size_t i = 0; i < place_count; i++) {
    if (places[i].device == status.st_dev) return true;
  }
  return false;
}

/* One name below a directory, made when it is missing and the directory is the tree's own. -1: missing in one of the host's. */
static int step_into(int directory, const char *name, bool as_file, const char *path) {
  int next = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (next == -1 && errno == ENOENT) {
    if (!is_own(directory)) return -1;
    const int made = as_file ? mknodat(directory, name, S_IFREG | 0444, 0) : mkdirat(directory, name, 0755);
    if (made == -1) give_up("view: mount point", path, errno);
    next = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  }
  if (next == -1) give_up("view: mount point", path, errno);
  struct stat status;
  if (fstat(next, &status) == -1) give_up("view: mount point", path, errno);
  /* A link in a directory that boxes write leads wherever they like. */
  if (S_ISLNK(status.st_mode)) give_up("view: mount point", path, ELOOP);
  return next;
}

/* What a path names in the tree as it is so far; see step_into. */
static int mount_point(int root, const char *path, bool as_file) {
  int directory = fcntl(root, F_DUPFD_CLOEXEC, 0);
  if (directory == -1) give_up("view", path, errno);
  for (const char *name = path + 1;;) {
    const size_t size = strcspn(name, "/");
    char part[LONGEST_NAME + 1];
    if (size == 0 || size > LONGEST_NAME) give_up("view", path, EINVAL);
    memcpy(part, name, size);
    part[size] = '\0';
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) give_up("view", path, EINVAL);
    const bool is_last = name[size] == '\0';
    const int next = step_into(directory, part, is_last && as_file, path);
    if (close(directory) == -1) give_up("view: close", path, errno);
    if (next == -1 || is_last) return next;
    directory = next;
    name += size + 1;
  }
}

/* A file system of the tree's own, not attached yet. Sizes in bytes; 0 for one that holds nothing but mount points. */
static int new_place(const char *size, mode_t mode, const struct view_owner *owner, const char *path) {
  char permissions[8], uid[16], gid[16];
  const int context = open_file_system("tmpfs");
  if (context == -1) give_up("view: tmpfs", path, errno);
  if (snprintf(permissions, sizeof permissions, "%o", (unsigned)mode) < 0 || snprintf(uid, sizeof uid, "%u", owner->uid) < 0 ||
      snprintf(gid, sizeof gid, "%u", owner->gid) < 0)
    give_up("view: tmpfs", path, EOVERFLOW);
  const char *const settings[][2] = {{"size", size}, {"mode", permissions}, {"uid", uid}, {"gid", gid}};
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    if (configure_file_system(context, settings[i][0], settings[i][1]) == -1) give_up("view: tmpfs", settings[i][0], errno);
  }
  const int made = mount_file_system(context, ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV | ATTRIBUTE_NOEXEC);
  if (made == -1) give_up("view: tmpfs", path, errno);
  if (close(context) == -1) give_up("view: close", path, errno);
  return made;
}

/* Digits of a record `tN:`; what they say is for the kernel to judge. */
static void size_of(const char *record, char *into, size_t capacity) {
  const size_t digits = strspn(record + 1, "0123456789");
  if (digits == 0 || digits >= capacity || record[1 + digits] != ':') give_up("view", record, EINVAL);
  memcpy(into, record + 1, digits);
  into[digits] = '\0';
}

static void attach(int mount, int target, const char *path) {
  if (move_mount_to(mount, target) == -1) give_up("view: mount", path, errno);
}

static void place_new(int root, const char *record, const struct view_owner *owner) {
  /* Nobody else is known in the user namespace of an ordinary user. */
  const struct view_owner ourselves = {.uid = geteuid(), .gid = getegid(), .idmap = -1};
  const char *path = path_of(record);
  const int target = mount_point(root, path, false);
  if (target == -1) return;
  if (record[0] != 'e') {
    char size[16] = "4096";
    const bool hides = record[0] == 'h';
    if (!hides) size_of(record, size, sizeof size);
    const int made = new_place(size, hides ? 0755 : 0700, hides ? &ourselves : owner, path);
    own(made, hides ? made : -1);
    attach(made, target, path);
    if (!hides && close(made) == -1) give_up("view: close", path, errno);
  }
  if (close(target) == -1) give_up("view: close", path, errno);
}

static void place_source(int root, const char *record, int source) {
  const char *path = path_of(record);
  if (source == -1) return;
  struct stat status;
  if (fstat(source, &status) == -1) give_up("view", path, errno);
  const int target = mount_point(root, path, !S_ISDIR(status.st_mode));
  if (target == -1 && record[0] != 'n') give_up("view: mount point", path, ENOENT);
  if (target != -1) attach(source, target, path);
  if (close(source) == -1 || (target != -1 && close(target) == -1)) give_up("view: close", path, errno);
}

/* As it is in the tree, ids and rights included. */
static void place_pin(int root, const char *record) {
  const char *path = path_of(record);
  const int target = mount_point(root, path, false);
  if (target == -1) return;
  const int tree = clone_mounts(target);
  if (tree == -1) give_up("view: pin", path, errno);
  attach(tree, target, path);
  if (close(tree) == -1 || close(target) == -1) give_up("view: close", path, errno);
}

static int mount_root(void) {
  const struct view_owner ourselves = {.uid = geteuid(), .gid = getegid(), .idmap = -1};
  const int target = open(VIEW_TREE_PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target == -1) give_up("view", VIEW_TREE_PLACE, errno);
  const int root = new_place("65536", 0755, &ourselves, VIEW_TREE_PLACE);
  attach(root, target, VIEW_TREE_PLACE);
  if (close(target) == -1) give_up("view: close", VIEW_TREE_PLACE, errno);
  own(root, root);
  return root;
}

void build_view_tree(const char *records, size_t length, const struct view_owner *owner) {
  if (length > 0 && records[length - 1] != '\0') give_up("view", "the last path has no end", EINVAL);
  const size_t count = clone_sources(records, length, owner->idmap);
  const int root = mount_root();
  const char *record = records;
  for (size_t i = 0; i < count; i++, record += strlen(record) + 1) {
    if (record[0] == 'p') place_pin(root, record);
    else if (strchr("hte", record[0]) != NULL) place_new(root, record, owner);
    else place_source(root, record, sources[i]);
  }
  const struct mount_attributes sealed = {.set = ATTRIBUTE_RDONLY};
  for (size_t i = 0; i < place_count; i++) {
    if (places[i].seal == -1) continue;
    if (set_mount_attributes(places[i].seal, false, &sealed) == -1) give_up("view: seal", VIEW_TREE_PLACE, errno);
    if (close(places[i].seal) == -1) give_up("view: close", VIEW_TREE_PLACE, errno);
  }
}
