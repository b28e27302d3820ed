"""Gives a path a POSIX access list that lets one more user read and write it: set-access-list.py PATH UID

The attribute's form: include/uapi/linux/posix_acl_xattr.h. Where setfacl(1) is not installed.
"""
import os
import struct
import sys

USER_OBJECT, USER, GROUP_OBJECT, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NOBODY_IN_PARTICULAR = 0xFFFFFFFF
READ, WRITE, EXECUTE = 4, 2, 1

path, user = sys.argv[1], int(sys.argv[2])
mode = os.stat(path).st_mode
entries = [
    (USER_OBJECT, mode >> 6 & 7, NOBODY_IN_PARTICULAR),
    (USER, READ | WRITE | EXECUTE, user),
    (GROUP_OBJECT, mode >> 3 & 7, NOBODY_IN_PARTICULAR),
    (MASK, READ | WRITE | EXECUTE, NOBODY_IN_PARTICULAR),
    (OTHER, mode & 7, NOBODY_IN_PARTICULAR),
]
value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
os.setxattr(path, "system.posix_acl_access", value)
