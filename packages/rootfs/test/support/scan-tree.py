"""
Prints a JSON line for every file below a directory: all metadata, content as a hash. Names are hexadecimal bytes. What lies on another file system
is only named.
"""
import hashlib, json, os, stat, sys

root = os.fsencode(sys.argv[1])
device = os.lstat(root).st_dev


def content(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def describe(path):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    entry = {
        "mode": oct(info.st_mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
        "mtime": str(info.st_mtime_ns),
        "xattrs": {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(os.listxattr(path, follow_symlinks=False))},
    }
    if kind != stat.S_IFDIR:
        entry["links"] = info.st_nlink
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry["device"] = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    if kind == stat.S_IFLNK:
        entry["target"] = os.fsencode(os.readlink(path)).hex()
    if kind == stat.S_IFREG:
        entry["size"] = info.st_size
        entry["sha256"] = content(path)
    return entry


def walk(path, name):
    if os.lstat(path).st_dev != device:
        print(json.dumps({"name": name.hex(), "elsewhere": True}))
        return
    print(json.dumps({"name": name.hex(), **describe(path)}))
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for child in sorted(os.listdir(path)):
            if not (name == b"" and child == b"lost+found"):
                walk(os.path.join(path, child), name + b"/" + child)


sys.setrecursionlimit(10000)
walk(root, b"")
