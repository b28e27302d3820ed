import { spawnSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleRepository } from '../support/accessible-repository.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { CLI, type Finished, REPOSITORY, runCli } from '../support/run-cli.js';
import { removeHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const NOBODY = 65534;
/** Of Debian's base-passwd, as nobody is; neither owns files. */
const OTHER_USER = 'daemon';
const PROGRAM_OF_VMM: Readonly<Record<string, string>> = { qemu: 'qemu-system', libkrun: 'boxlite-krun-shim' };
const NAMESPACES = ['user', 'mnt', 'pid', 'ipc', 'uts', 'cgroup', 'net'];

let repository: ReturnType<typeof accessibleRepository>;
const homes: string[] = [];

/** A home of its own, owned by `uid`. */
async function homeOf(uid: number): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'boxlite-user-'));
  await chown(home, uid, uid);
  homes.push(home);
  return home;
}

/** Runs boxlite as root or as nobody. */
function as(user: 'root' | 'nobody', home: string, ...args: string[]): Promise<Finished> {
  return runCli(args, { home, ...(user === 'root' ? {} : { user, root: repository.root }) });
}

async function output(user: 'root' | 'nobody', home: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await as(user, home, ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.toString();
}

describe.skipIf(process.getuid?.() !== 0)('an ordinary user (needs root to become one)', () => {
  let home: string;

  beforeAll(async () => {
    repository = accessibleRepository('nobody');
    home = await homeOf(NOBODY);
  });

  afterAll(async () => {
    repository.release();
    for (const path of homes) await expectNothingLeft(path).finally(() => removeHome(path));
  });

  it('runs a command in a box', async () => {
    expect(await output('nobody', home, 'run', '--rm', '--', 'sh', '-c', 'id -u; uname -s')).toBe('0\nLinux\n');
  });

  it('has boxes that are executed in, stopped, and started a second time with their files', async () => {
    await output('nobody', home, 'run', '-d', '--name', 'mine', '--', 'sleep', '4321');
    await output('nobody', home, 'exec', 'mine', 'sh', '-c', 'echo kept > /root/file');
    await output('nobody', home, 'stop', 'mine');
    expect(await output('nobody', home, 'exec', 'mine', 'cat', '/root/file')).toBe('kept\n');
  });

  it('cannot be read by another user: neither the home nor the links to its sockets', async () => {
    const asOther = (...command: string[]) => spawnSync('runuser', ['-u', OTHER_USER, '--', ...command]);
    expect(asOther('true').status).toBe(0);
    const [box] = await readdir(join(home, 'boxes'));
    for (const path of [home, join(home, 'db'), join(home, 'boxes', box ?? '', 'disks'), `/tmp/bl-${NOBODY}`]) {
      const listed = asOther('ls', path);
      expect([listed.status, listed.stdout.toString()], path).toEqual([2, '']);
    }
    expect(asOther('find', home, `/tmp/bl-${NOBODY}`).stdout.toString().split('\n').filter(Boolean)).toEqual([
      home,
      `/tmp/bl-${NOBODY}`,
    ]);
    await output('nobody', home, 'rm', '-f', 'mine');
  });

  it.each(['root', 'nobody'] as const)(
    'and %s: the VMM is jailed by default, every namespace its own',
    async (user) => {
      const own = user === 'root' ? await homeOf(0) : home;
      await output(user, own, 'run', '-d', '--name', 'jailed', '--', 'sleep', '4321');
      const [{ pid }] = JSON.parse(await output(user, own, 'inspect', 'jailed')) as [{ pid: number }];
      const namespacesOf = (process: string | number) =>
        Promise.all(NAMESPACES.map((name) => readlink(`/proc/${process}/ns/${name}`)));
      const [host, vmm] = await Promise.all([namespacesOf('self'), namespacesOf(pid)]);
      expect(await readlink(`/proc/${pid}/exe`)).toContain(PROGRAM_OF_VMM[await vmmUnderTest()]);
      expect(vmm.filter((namespace) => host.includes(namespace))).toEqual([]);
      await output(user, own, 'rm', '-f', 'jailed');
    },
  );

  it.each(['000', '077'])('has directories 0700 and files 0600 under umask %s', async (umask) => {
    const own = await homeOf(NOBODY);
    const cli = CLI.replace(REPOSITORY, repository.root);
    const withUmask = (...args: string[]) => {
      const script = `umask ${umask}; exec "$0" "$@"`;
      const command = ['-u', 'nobody', '--', 'sh', '-c', script, process.execPath, cli, ...args];
      const env = { PATH: process.env.PATH ?? '', HOME: own, BOXLITE_HOME: own };
      const result = spawnSync('runuser', command, { env, encoding: 'utf8' });
      expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
    };
    withUmask('run', '-d', '--name', 'modes', '--', 'sleep', '4321');
    withUmask('exec', 'modes', 'true');
    expect(await wrongModes(own)).toEqual([]);
    withUmask('stop', 'modes');
    expect(await wrongModes(own)).toEqual([]);
    withUmask('rm', 'modes');
  });

  it.each([
    ['nobody', 'root', 0],
    ['root', 'nobody', NOBODY],
  ] as const)('is refused the home of somebody else: %s that of %s', async (user, _owner, uid) => {
    const foreign = await homeOf(uid);
    await chmod(foreign, 0o777);
    await mkdir(join(foreign, 'inside'), { mode: 0o777 });
    const result = await as(user, foreign, 'ls', '--json');
    expect(result.status).toBe(1);
    expect(JSON.parse(result.stderr).error).toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining(foreign),
      hint: expect.stringMatching(/\S/),
    });
    expect(await readdir(foreign)).toEqual(['inside']);
    expect((await lstat(foreign)).mode & 0o777).toBe(0o777);
  });
});

/** Paths of a home whose mode is not what the specification says, with the mode. */
async function wrongModes(home: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const name of ['.', ...(await readdir(home, { recursive: true }))]) {
    const path = join(home, name);
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) continue;
    const mode = stats.mode & 0o7777;
    if (mode !== (stats.isDirectory() ? 0o700 : 0o600)) wrong.push(`${name} ${mode.toString(8)}`);
  }
  return wrong;
}
