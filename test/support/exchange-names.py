"""Exchanges names in a loop until killed or for a number of seconds: the process that swaps a file for a link while the host works on it.

exchange-names.py SECONDS A B [A B ...]   each pair is exchanged in one step (renameat2 with RENAME_EXCHANGE), again and again
Prints one line when the first exchange has worked, so that a test can begin. A pair that is missing at the moment is tried again.
"""
import ctypes
import os
import sys
import time

AT_FDCWD = -100
RENAME_EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)


def exchange(first, second):
    return libc.renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0


until = time.monotonic() + float(sys.argv[1])
pairs = list(zip(sys.argv[2::2], sys.argv[3::2]))
told = False
while time.monotonic() < until:
    worked = [exchange(first, second) for first, second in pairs]
    if any(worked) and not told:
        told = True
        sys.stdout.write("exchanging\n")
        sys.stdout.flush()
