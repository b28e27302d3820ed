/* Files outside the table, by their names. Each holds a secret of its own that shows outside whether it was really read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void reads(const char *key) {
  char text[256];
  const int fd = open(parameter(key), O_RDONLY);

  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got == -1) refused(errno);
  if (got == 0) refused_because("the file is empty here");
  escaped_with(text, (size_t)got);
}

/* Finds one name among those of a directory: that it can be listed is nothing in a view that holds a directory of the same name. */
_Noreturn static void lists(const char *key, const char *wanted) {
  DIR *directory = opendir(parameter(key));
  const struct dirent *entry;

  if (directory == NULL) refused(errno);
  while ((entry = readdir(directory)) != NULL)
    if (strcmp(entry->d_name, wanted) == 0) escaped("listed");
  refused_because("what is there is not listed");
}

_Noreturn static void opens(const char *key) {
  if (open(parameter(key), O_RDONLY) == -1) refused(errno);
  escaped("opened");
}

_Noreturn static void read_home(void) { reads("home-file"); }
_Noreturn static void read_ssh_key(void) { reads("ssh-key"); }
_Noreturn static void read_shadow(void) { reads("shadow"); }
_Noreturn static void read_host_name(void) { reads("host-name"); }
_Noreturn static void read_database(void) { reads("database"); }
_Noreturn static void read_other_disk(void) { reads("other-disk"); }
_Noreturn static void read_other_base(void) { reads("other-base"); }
_Noreturn static void read_other_log(void) { reads("other-log"); }
_Noreturn static void read_ca_key(void) { reads("ca-key"); }
_Noreturn static void read_pid_file(void) { opens("pid-file"); }
_Noreturn static void read_stderr_file(void) { opens("stderr-file"); }
_Noreturn static void read_mounts(void) { reads("mounts-file"); }
_Noreturn static void read_image_layer(void) { reads("image-layer"); }
_Noreturn static void list_control(void) { lists("control-dir", "api.sock"); }
_Noreturn static void list_boxes(void) { lists("boxes-dir", parameter("other-box")); }
_Noreturn static void list_programs(void) { lists("programs-dir", "env"); }

const struct attempt read_attempts[] = {
  {"read-home-file", read_home},
  {"read-ssh-key", read_ssh_key},
  {"read-etc-shadow", read_shadow},
  {"read-etc-hostname", read_host_name},
  {"read-database", read_database},
  {"read-other-box-disk", read_other_disk},
  {"read-other-box-base", read_other_base},
  {"read-other-box-log", read_other_log},
  {"read-own-ca-key", read_ca_key},
  {"read-own-pid-file", read_pid_file},
  {"read-own-stderr-file", read_stderr_file},
  {"read-own-mounts", read_mounts},
  {"read-image-layer", read_image_layer},
  {"list-own-control", list_control},
  {"list-boxes", list_boxes},
  {"list-usr-bin", list_programs},
  {NULL, NULL},
};
