#!/bin/sh
# Stands in for sandbox-exec on Linux: takes its options as the manual has them, reads the profile, and runs the command. Confines nothing.
set -eu
if [ "$#" -lt 3 ] || [ "$1" != -f ]; then
  echo 'usage: sandbox-exec -f profile-file command [arguments ...]' >&2
  exit 64
fi
profile=$2
shift 2
case $1 in -*) echo "sandbox-exec: the command looks like an option: $1" >&2; exit 64 ;; esac
IFS= read -r first <"$profile"
case $first in
  ';'* | '(version 1)'*) ;;
  *) echo 'sandbox-exec: not a profile' >&2; exit 65 ;;
esac
unset profile first IFS
if ! command -v -- "$1" >/dev/null 2>&1; then
  echo "sandbox-exec: execvp() of '$1' failed: No such file or directory" >&2
  exit 71
fi
exec "$@"
