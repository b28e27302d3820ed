#ifndef BOXLITE_KERNEL_H
#define BOXLITE_KERNEL_H

#include <stdint.h>

/* linux/landlock.h, written out: installed headers are often older than the running kernel. The versions are those of the kernel's own list. */
enum { RULE_PATH_BENEATH = 1, CREATE_RULESET_VERSION = 1 };

/* The newest version whose rights are written out below. A kernel that has more grants what is not named here, as it did before. */
enum { NEWEST_KNOWN_VERSION = 7 };

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_MAKE_CHAR (1ULL << 6)
#define FS_MAKE_BLOCK (1ULL << 11)
#define FS_VERSION_1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)     /* version 2, Linux 5.19 */
#define FS_TRUNCATE (1ULL << 14)  /* version 3, Linux 6.2 */
#define FS_IOCTL_DEV (1ULL << 15) /* version 5, Linux 6.10 */

#define NET_BIND_TCP (1ULL << 0) /* version 4, Linux 6.7 */
#define NET_CONNECT_TCP (1ULL << 1)

#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* version 6, Linux 6.12 */
#define SCOPE_SIGNAL (1ULL << 1)

/* Flags of landlock_restrict_self, version 7, Linux 6.15. */
#define RESTRICT_LOG_NEW_EXEC_ON (1U << 1)
#define RESTRICT_LOG_SUBDOMAINS_OFF (1U << 2)

struct ruleset_attr {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

struct path_beneath_attr {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

#endif
