#ifndef BOXLITE_HAND_OVER_VIEW_TREE_H
#define BOXLITE_HAND_OVER_VIEW_TREE_H

#include <stddef.h>
#include <sys/types.h>

/* Where the tree is mounted in the namespace of this process. Bubblewrap puts its own base there and takes it away again before it binds. */
#define VIEW_TREE_PLACE "/tmp"

enum { MAX_VIEW_BYTES = 1 << 20, MAX_VIEW_RECORDS = 1024 };

/* Whose the view's own writable file system is, and the ids grants are shown with: a user namespace, or -1 for those they have. */
struct view_owner {
  uid_t uid;
  gid_t gid;
  int idmap;
};

/*
 * Mounts everything a view consists of as one tree over VIEW_TREE_PLACE, for a sandbox to bind in one step. Bubblewrap reads the whole mount table
 * again after each bind of its own: fifty files take it 12 ms, and a tree of them here takes 1.
 *
 * `records`: a letter, an absolute path, NUL; parents first.
 *   r, w     the file or directory of the host, to be read, or to be written too; skipped when it is not there
 *   d        a device
 *   n        nothing: an empty file hides what a grant above shows; skipped when there is nothing to hide
 *   h        hidden: an empty directory does, read-only once what is granted below it is in place
 *   tN:      a writable file system of N bytes
 *   e        an empty directory
 *   p        a pin: a directory of a grant is mounted over itself, so that nobody can rename it and with it what is mounted below
 * Directories above these are made where they are missing, in the tree alone and never in a directory of the host. Its root is read-only at the end.
 * The namespace of mounts must be this process's own. Whatever cannot be done ends the process.
 */
void build_view_tree(const char *records, size_t length, const struct view_owner *owner);

#endif
