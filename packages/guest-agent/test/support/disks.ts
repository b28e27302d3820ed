import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const APPLETS =
  'sh cat echo true false sleep id env ls head tail wc dd md5sum sha256sum kill ps stty tty mknod mount umount touch mkdir grep pwd test chroot hostname ip readlink trap yes seq stat date unshare';

/** Makes an ext4 image of a directory with e2fsprogs. */
async function makeImage(directory: string, image: string, mebibytes: number): Promise<void> {
  await run('mkfs.ext4', ['-q', '-F', '-E', 'root_owner=0:0', '-d', directory, image, `${mebibytes}M`]);
}

/**
 * The read-only skeleton the machine boots from.
 * @param programs name in `/boxlite/bin` to path on this host
 */
export async function makeGuestRootfs(staging: string, image: string, programs: Record<string, string>): Promise<void> {
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'boxlite/bin', 'boxlite/container']) {
    await mkdir(join(staging, name), { recursive: true });
  }
  for (const [name, path] of Object.entries(programs)) {
    await copyFile(path, join(staging, 'boxlite/bin', name));
    await chmod(join(staging, 'boxlite/bin', name), 0o755);
  }
  await makeImage(staging, image, 8);
}

/** A small container disk: busybox, users, and what the test adds. `decorate` may change the staging directory. */
export async function makeBusyboxDisk(
  staging: string,
  image: string,
  { decorate = async () => undefined }: { readonly decorate?: (root: string) => Promise<void> } = {},
): Promise<void> {
  for (const name of ['bin', 'etc', 'root', 'tmp', 'home/alice', 'var']) {
    await mkdir(join(staging, name), { recursive: true });
  }
  await chmod(join(staging, 'tmp'), 0o1777);
  await copyFile('/bin/busybox', join(staging, 'bin/busybox'));
  await chmod(join(staging, 'bin/busybox'), 0o755);
  for (const applet of APPLETS.split(' ')) await symlink('busybox', join(staging, 'bin', applet));
  await writeFile(
    join(staging, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n',
  );
  await writeFile(
    join(staging, 'etc/group'),
    'root:x:0:\nalice:x:1000:\nwheel:x:10:root,alice\nvideo:x:44:alice\nstaff:x:50:\n',
  );
  await decorate(staging);
  await makeImage(staging, image, 64);
}
