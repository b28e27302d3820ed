/* Mounts, old and new interface, and roots. What is mounted is taken away again, on a directory made for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void new_file_system(void) {
  const char *place = parameter("mount-dir");

  if (syscall(SYS_mount, "none", place, "tmpfs", 0, NULL) == -1) refused(errno);
  (void)syscall(SYS_umount2, place, 2 /* MNT_DETACH */);
  escaped("mounted");
}

_Noreturn static void bind_root(void) {
  const char *place = parameter("mount-dir");

  if (syscall(SYS_mount, "/", place, NULL, 4096 /* MS_BIND */, NULL) == -1) refused(errno);
  (void)syscall(SYS_umount2, place, 2 /* MNT_DETACH */);
  escaped("bound");
}

/* A grant that is read-only in the mount table, made writable, then written to. */
_Noreturn static void remount(void) {
  (void)syscall(SYS_mount, NULL, parameter("read-only-dir"), NULL, 32 | 4096 /* MS_REMOUNT | MS_BIND */, NULL);
  const int fd = open(parameter("file-to-remount"), O_WRONLY | O_APPEND);
  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("written");
}

_Noreturn static void set_attributes(void) {
  struct mount_attr attr;

  memset(&attr, 0, sizeof attr);
  attr.attr_clr = MOUNT_ATTR_RDONLY;
  (void)syscall(SYS_mount_setattr, AT_FDCWD, parameter("read-only-dir"), 0, &attr, sizeof attr);
  const int fd = open(parameter("file-to-set"), O_WRONLY | O_APPEND);
  if (fd == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("written");
}

/* A mount point is what hides what lies below it. A directory that is none earns EINVAL where taking one away is permitted. */
_Noreturn static void take_away(void) {
  if (syscall(SYS_umount2, parameter("mount-dir"), 0) == -1 && errno != EINVAL) refused(errno);
  escaped("permitted");
}

_Noreturn static void open_file_system(void) {
  if (syscall(SYS_fsopen, "tmpfs", 0) == -1) refused(errno);
  escaped("opened");
}

_Noreturn static void clone_tree(void) {
  if (syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */) == -1) refused(errno);
  escaped("cloned");
}

/* Names that are not there: ENOENT comes only after the right was granted (fs/namespace.c). */
_Noreturn static void change_root_mount(void) {
  if (syscall(SYS_pivot_root, "/boxlite-none", "/boxlite-none") == -1 && errno != ENOENT) refused(errno);
  escaped("permitted");
}

/* The old way out of a root: a second one below, while a descriptor of the first is kept. */
_Noreturn static void change_root(void) {
  char text[128];
  const int outside = open("/", O_RDONLY | O_DIRECTORY);

  if (outside == -1) refused(errno);
  if (chroot(parameter("writable-dir")) == -1) refused(errno);
  if (fchdir(outside) == -1) refused(errno);
  for (int up = 0; up < 64; up++)
    if (chdir("..") == -1) refused(errno);
  const int fd = open(parameter("ssh-key") + 1, O_RDONLY);
  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

const struct attempt mount_attempts[] = {
  {"mount-tmpfs", new_file_system},
  {"mount-bind-root", bind_root},
  {"remount-writable", remount},
  {"mount-setattr-writable", set_attributes},
  {"unmount", take_away},
  {"fsopen", open_file_system},
  {"open-tree-clone", clone_tree},
  {"pivot-root", change_root_mount},
  {"chroot", change_root},
  {NULL, NULL},
};
