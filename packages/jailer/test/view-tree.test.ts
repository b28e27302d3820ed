import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const NATIVE = fileURLToPath(new URL('../native', import.meta.url));
const BUSYBOX = '/bin/busybox';
const NOBODY = { uid: 65534, gid: 65534 };
const isRoot = process.geteuid?.() === 0;
let place: string;
let sanitized: string;
let work: string;

beforeAll(async () => {
  place = await mkdtemp('/var/tmp/boxlite-view-tree-');
  await chmod(place, 0o755);
  execFileSync('make', ['-s', '-C', NATIVE]);
  execFileSync('make', ['-s', '-C', NATIVE, 'test-sanitized', `BUILD=${place}`]);
  sanitized = join(place, 'boxlite-hand-over-sanitized');
});
beforeEach(async () => {
  work = await mkdtemp(join(place, 'case-'));
  for (const name of ['writable', 'read-only', 'writable/inner', 'writable/private']) {
    await mkdir(join(work, name), { recursive: true });
  }
  for (const name of ['writable/file', 'writable/secret', 'writable/private/key', 'read-only/file']) {
    await writeFile(join(work, name), name);
  }
  if (isRoot) {
    for (const name of ['.', 'writable', 'writable/inner', 'read-only']) {
      await chown(join(work, name), NOBODY.uid, NOBODY.gid);
    }
  }
});
afterAll(() => rm(place, { recursive: true, force: true }));

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a script where the tree lies at /tmp. */
function inTree(records: readonly string[], script: string, user: User = {}, busybox = BUSYBOX) {
  const file = join(place, 'records');
  execFileSync('sh', ['-c', 'cat > "$0"', file], { input: records.map((record) => `${record}\0`).join('') });
  const fd = openSync(file, 'r');
  const args = ['--view', '9', '--', busybox, 'sh', '-c', script];
  const none = Array.from({ length: 6 }, () => 'ignore' as const);
  const stdio = ['ignore' as const, 'pipe' as const, 'pipe' as const, ...none, fd];
  const { status, stdout, stderr } = spawnSync(sanitized, args, {
    env: {},
    cwd: '/',
    stdio,
    encoding: 'utf8',
    ...user,
  });
  closeSync(fd);
  return { status, stdout, stderr };
}

describe.each([
  { who: 'whoever runs the test', user: {} },
  ...(isRoot ? [{ who: 'an ordinary user', user: NOBODY }] : []),
])('A view mounted by the helper, started by $who', ({ user }) => {
  it('holds what was granted under its own name, and nothing beside it', () => {
    const script = `cd /tmp; find . -type f | sort; cat .${work}/read-only/file`;
    expect(inTree([`r${work}/read-only`, `r${BUSYBOX}`], script, user)).toEqual({
      status: 0,
      stdout: `.${BUSYBOX}\n.${work}/read-only/file\nread-only/file`,
      stderr: '',
    });
  });

  it('is written where that was granted alone: not below a read-only grant, and not at its root', () => {
    const script = [
      `echo yes > /tmp${work}/writable/new && echo written`,
      `echo no > /tmp${work}/writable/inner/new`,
      `echo no > /tmp${work}/read-only/new`,
      'echo no > /tmp/new',
      `mkdir /tmp${work}/new`,
    ].join('; ');
    const { stdout, stderr } = inTree(
      [`r${work}/read-only`, `w${work}/writable`, `r${work}/writable/inner`],
      script,
      user,
    );
    expect(stdout).toBe('written\n');
    expect(stderr.match(/Read-only file system/g)).toHaveLength(4);
    expect(readdirSync(join(work, 'writable/inner'))).toEqual([]);
  });

  it('hides a file and a directory of a grant, which nobody can fill', () => {
    const records = [`w${work}/writable`, `h${work}/writable/private`, `n${work}/writable/secret`];
    const script = `cd /tmp${work}/writable; cat secret; ls -A private; echo x > secret; echo x > private/new; cat file`;
    const { stdout, stderr } = inTree(records, script, user);
    expect(stdout).toBe('writable/file');
    expect(stderr).toContain("can't open 'secret'");
    expect(stderr).toContain("can't create private/new: Read-only file system");
    expect(readFileSync(join(work, 'writable/secret'), 'utf8')).toBe('writable/secret');
  });

  it('shows what is granted below a hidden directory, and hides what vanished without making it', () => {
    const records = [
      `w${work}/writable`,
      `h${work}/writable/private`,
      `r${work}/writable/private/key`,
      `n${work}/writable/gone`,
      `h${work}/writable/gone-too`,
    ];
    expect(inTree(records, `cat /tmp${work}/writable/private/key`, user).stdout).toBe('writable/private/key');
    expect(readdirSync(join(work, 'writable')).sort()).toEqual(['file', 'inner', 'private', 'secret']);
  });

  it('executes nothing that may be written, nor lets the loader map it as a program', async () => {
    const program = join(work, 'writable/true');
    await copyFile('/bin/true', program);
    await chmod(program, 0o755);
    const loader = '/lib64/ld-linux-x86-64.so.2';
    // The loader of another architecture has another name.
    if (!existsSync(loader)) return;
    const script = `/tmp${program} && echo executed; ${loader} /tmp${program} && echo mapped`;
    const { stdout, stderr } = inTree([`w${work}/writable`], script, user);
    expect(stdout).toBe('');
    expect(stderr).toContain('Permission denied');
    expect(stderr).toContain('failed to map segment');
    expect(inTree([`r${work}/writable`], script, user).stdout).toBe('executed\nmapped\n');
  });

  it('has devices that work, and elsewhere none do', () => {
    const script = 'echo lost > /tmp/dev/null && grep " /tmp/dev/null " /proc/self/mountinfo | cut -d" " -f6';
    const { stdout } = inTree(['d/dev/null'], script, user);
    expect(stdout).not.toMatch(/nodev/);
    const other = inTree([`w${work}/writable`], `grep " /tmp${work}/writable " /proc/self/mountinfo`, user);
    expect(other.stdout).toMatch(/nosuid,nodev/);
  });

  it('has a temporary directory of its own that is as large as was said', () => {
    const script =
      'dd if=/dev/zero of=/tmp/tmp/fill bs=1k count=200 2>&1 | tail -n 1; wc -c < /tmp/tmp/fill; stat -c %a /tmp/tmp';
    const { stdout } = inTree(['t131072:/tmp'], script, user);
    expect(stdout).toContain('131072\n700\n');
  });

  it('is refused where a link lies in the way, which a guest could have put there', async () => {
    await symlink('/etc', join(work, 'writable/link'));
    const { status, stderr } = inTree([`w${work}/writable`, `r${work}/writable/link/passwd`], 'echo ran', user);
    expect(status).toBe(120);
    expect(stderr).toContain(`boxlite-hand-over: view: mount point: ${work}/writable/link/passwd: Too many levels`);
  });

  it('skips what is not there, and never makes it on the host', () => {
    expect(inTree([`w${work}/nothing`, `w${work}/writable/nothing`], 'echo ran', user).stdout).toBe('ran\n');
    expect(existsSync(join(work, 'nothing'))).toBe(false);
  });

  it('becomes the program that was named, also where the view shows another under its name', async () => {
    const directory = await mkdtemp('/tmp/boxlite-view-tree-');
    try {
      await chmod(directory, 0o755);
      const program = join(directory, 'busybox');
      await copyFile(BUSYBOX, program);
      const { stdout } = inTree([`r${work}/read-only`], 'ls /tmp | head -n 1; echo ran', user, program);
      expect(stdout).toContain('ran\n');
      expect(stdout).not.toContain('boxlite-view-tree-');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('leaves the mounts of the host as they are', () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    expect(inTree([`w${work}/writable`], 'true', user).status).toBe(0);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });
});

// Only root can make mounts that are shared.
it.skipIf(!isRoot)(
  'What the host mounts later below a grant does not come into the view, where it would be writable',
  () => {
    const script = [
      `mount --make-rshared / && mount --bind '${work}/read-only' '${work}/read-only'`,
      `printf 'r${work}/read-only\\0' > '${place}/shared-records'`,
      `exec 9< '${place}/shared-records'`,
      // Not by exec: with its last process the namespace would go, and with that what a mount could follow.
      `'${sanitized}' --view 9 -- ${BUSYBOX} grep /tmp${work}/read-only /proc/self/mountinfo`,
      'exit $?',
    ].join('; ');
    const { status, stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' });
    expect({ status, shown: stdout.includes('ro,nosuid,nodev'), tied: /shared:|master:/.test(stdout) }).toEqual({
      status: 0,
      shown: true,
      tied: false,
    });
  },
);

it.each([
  ['an unknown letter', 'x/etc', 'Invalid argument'],
  ['a path that is not absolute', 'retc', 'Invalid argument'],
  ['dots in a path', `r/etc/../etc/passwd`, 'Invalid argument'],
  ['a file system of no size', 't:/tmp', 'Invalid argument'],
  ['a file system of a size that is no number', 't1k:/tmp', 'Invalid argument'],
  ['a name that is too long', `r/${'a'.repeat(300)}`, 'File name too long'],
])('A view with %s is refused', (_what, record, why) => {
  const { status, stderr } = inTree([record], 'echo ran');
  expect(status).toBe(120);
  expect(stderr).toContain(why);
});

it('A view of more records than there may be is refused', () => {
  const { status, stderr } = inTree(
    Array.from({ length: 1025 }, (_unused, at) => `e/d${at}`),
    'echo ran',
  );
  expect(status).toBe(120);
  expect(stderr).toContain('too many paths');
});
