import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { chown, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PathAccess } from '@boxlite/core';
import { runConfined } from '@boxlite/core/testing';
import { createCompositeSandbox, createJailer, type JailerOptions } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const BUSYBOX = '/bin/busybox';
const HOST_USER = { uid: 2_010_001_234, gid: 2_010_001_234 };
const OTHER = 1000;
const isRoot = process.geteuid?.() === 0;
const NO_CAPABILITIES = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(
  (name) => `${name}:\t0000000000000000\n`,
);

let place: string;
let work: string;

beforeAll(() => {
  // Private to root, as a home is; not below /tmp, which the view has its own of.
  place = mkdtempSync('/var/tmp/boxlite-host-user-');
});
beforeEach(async () => {
  work = mkdtempSync(join(place, 'case-'));
  for (const name of ['box', 'volume', 'volume/inner', 'volume/read-only'])
    await mkdir(join(work, name), { mode: 0o700 });
  for (const name of ['disk', 'base', 'volume/mine', 'volume/others', 'volume/read-only/file']) {
    await writeFile(join(work, name), name, { mode: 0o600 });
  }
  if (isRoot) await chown(join(work, 'volume/others'), OTHER, OTHER);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const granted = (name: string, writable: boolean): PathAccess => ({ path: join(work, name), writable });

/** Runs a script of busybox in the jail a box has, as the host user. */
async function inJail(script: string, parts: Partial<JailerOptions> = {}) {
  const paths = [{ path: BUSYBOX, writable: false }, { path: '/proc', writable: true }, ...(parts.paths ?? [])];
  const jail = createJailer({
    id: 'host-user',
    sandbox: createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()]),
    hostUser: HOST_USER,
    ...parts,
    paths: paths.sort((a, b) => (a.path < b.path ? -1 : 1)),
    security: { networkEnabled: false, ...parts.security },
  });
  const warnings = await jail.prepare();
  try {
    const args = ['sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`];
    const result = await runConfined(jail.command({ binary: BUSYBOX, args, env: {} }));
    return { ...result, warnings, privileges: jail.layers?.find(({ name }) => name === 'privileges') };
  } finally {
    await jail.release();
  }
}

describe.skipIf(!isRoot)('As root the VMM runs as a host user of its own (needs root)', () => {
  it('dropped inside the view: four ids, no group, no capability in any of the five sets, no_new_privs', async () => {
    const { stdout, stderr, privileges } = await inJail(
      'b grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs)" /proc/self/status',
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(
      [
        `Uid:${'\t65534'.repeat(4)}\n`,
        `Gid:${'\t65534'.repeat(4)}\n`,
        'Groups:\t \n',
        ...NO_CAPABILITIES,
        'NoNewPrivs:\t1\n',
      ].join(''),
    );
    expect(privileges).toEqual({
      name: 'privileges',
      state: 'active',
      detail: 'host user 2010001234 of its own, no capabilities, no_new_privs',
    });
  });

  it('but where a file system below a volume knows no other ids: then it is told, also after a start that worked', async () => {
    const paths = [granted('volume', true)];
    expect((await inJail('true', { paths })).privileges?.state).toBe('active');
    // ramfs does not translate ids (fs/ramfs has no FS_ALLOW_IDMAP).
    const below = join(work, 'volume/inner');
    execFileSync('mount', ['-t', 'ramfs', 'ramfs', below]);
    try {
      const { code, privileges, warnings } = await inJail('true', { paths });
      expect({ code, state: privileges?.state }).toEqual({ code: 0, state: 'partial' });
      expect(warnings.join()).toContain(`${join(work, 'volume')}: Invalid argument`);
    } finally {
      execFileSync('umount', [below]);
    }
  });

  it('without being told which user of the host it is', async () => {
    const { stdout } = await inJail('b cat /proc/self/uid_map /proc/self/gid_map; b id -u');
    expect(stdout).toMatch(/65534\n$/);
    expect(stdout).not.toContain(String(HOST_USER.uid));
  });

  it('reads and writes what it was granted, which stays root’s with the modes it has', async () => {
    const paths = [granted('disk', true), granted('base', false), granted('box', true)];
    const script = [
      `b cat ${work}/base && echo`,
      `echo changed > ${work}/disk`,
      `echo made > ${work}/box/made`,
      `echo lost > ${work}/base || echo kept`,
    ].join('\n');
    expect((await inJail(script, { paths })).stdout).toBe('base\nkept\n');
    const owners = ['disk', 'base', 'box', 'box/made'].map((name) => statSync(join(work, name)));
    expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual(owners.map(() => [0, 0]));
    expect(owners.slice(0, 2).map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o600]);
    expect(readFileSync(join(work, 'disk'), 'utf8')).toBe('changed\n');
  });

  it('also with volumes, where it is shown as the container’s user: root’s files are its own, others’ are not', async () => {
    const script = [
      `b stat -c "%u %a %n" ${work}/volume/mine ${work}/volume/others`,
      `b cat ${work}/volume/mine && echo`,
      `b cat ${work}/volume/others || echo refused`,
      `echo new > ${work}/volume/new; b id -u`,
    ].join('\n');
    const { stdout, privileges } = await inJail(script, {
      paths: [granted('volume', true)],
      security: { uid: 0, gid: 0 },
    });
    expect(stdout).toBe(`0 600 ${work}/volume/mine\n65534 600 ${work}/volume/others\nvolume/mine\nrefused\n0\n`);
    expect(statSync(join(work, 'volume/new')).uid).toBe(0);
    expect(privileges?.state).toBe('active');
  });

  it('and never comes back: neither the builder of the view nor root, nor a further user namespace', async () => {
    const script = [
      'b unshare -U true && echo made',
      'b su 2>/dev/null && echo root',
      'b cat /proc/sys/user/max_user_namespaces',
    ];
    const { stdout } = await inJail(script.join('\n'));
    expect(stdout).toBe('0\n');
  });

  it('a program it leaves in a place it writes is neither executed nor mapped', async () => {
    const script = `b cp ${BUSYBOX} ${work}/box/mine; b chmod 755 ${work}/box/mine; ${work}/box/mine echo ran || b grep "${work}/box " /proc/self/mountinfo`;
    const { stdout } = await inJail(script, { paths: [granted('box', true)] });
    expect(stdout).toMatch(/rw,nosuid,nodev,noexec,relatime,idmapped/);
    expect(stdout).not.toContain('ran\n');
  });

  it('a device that only root may use is said, and the VMM stays what it was', async () => {
    const mode = statSync('/dev/kvm', { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o066) !== 0) return;
    const { warnings, privileges, stdout } = await inJail('b grep CapEff /proc/self/status', { devices: ['/dev/kvm'] });
    expect(warnings.join('\n')).toContain('the VMM stays host root: /dev/kvm may be used by root alone');
    expect(privileges).toMatchObject({
      state: 'partial',
      detail: expect.stringContaining('/dev/kvm may be used by root alone'),
    });
    expect(stdout).toBe('CapEff:\t0000000000000000\n');
  });
});

describe('A volume', () => {
  const identityOf = (path: string) => {
    const { dev, ino } = statSync(path, { bigint: true });
    return { device: String(dev), inode: String(ino) };
  };

  it('that is another file than the one that was checked ends the start, whatever put it there', async () => {
    const path = join(work, 'volume');
    const identity = identityOf(path);
    await rename(path, `${path}.kept`);
    symlinkSync('/etc', path);
    const { code, stdout, stderr } = await inJail(`b ls ${path}`, { paths: [{ path, writable: false, identity }] });
    expect({ code, stdout }).toEqual({ code: 110, stdout: '' });
    expect(stderr).toContain(`boxlite-stage-b: identity: ${path}: `);
  });

  it('that vanished after it was checked is an error, and not silently missing', async () => {
    const path = join(work, 'volume');
    const identity = identityOf(path);
    await rename(path, `${path}.kept`);
    const { code, stderr } = await inJail('echo ran', { paths: [{ path, writable: false, identity }] });
    expect(code).toBe(110);
    expect(stderr).toContain(`boxlite-stage-b: identity: ${path}: No such file or directory`);
  });

  it('that is the one that was checked is shown', async () => {
    const path = join(work, 'volume');
    const paths = [{ path, writable: false, identity: identityOf(path) }];
    expect((await inJail(`b cat ${path}/mine`, { paths })).stdout).toBe('volume/mine');
  });

  it('that is read-only deep inside a writable one stays where it is: none of the directories above it can be renamed', async () => {
    const deep = join(work, 'volume/inner/a/b');
    await mkdir(deep, { recursive: true });
    await writeFile(join(deep, 'file'), 'fixed');
    const names = ['volume/inner', 'volume/inner/a', 'volume/inner/a/b'];
    const script = names.map((name) => `b mv ${work}/${name} ${work}/volume/moved-$$ || echo stays`).join('\n');
    const { stdout } = await inJail(`${script}\nb mv ${work}/volume/mine ${work}/volume/other && echo moved`, {
      paths: [granted('volume', true), granted('volume/inner/a/b', false)],
    });
    expect(stdout).toBe('stays\nstays\nstays\nmoved\n');
    expect(readFileSync(join(deep, 'file'), 'utf8')).toBe('fixed');
  });

  it('that is read-only inside a writable one is read-only in the jail’s mount table, also when it is mounted anew', async () => {
    const paths = [granted('volume', true), granted('volume/read-only', false)];
    const inner = `${work}/volume/read-only`;
    const script = [
      `echo x > ${inner}/file || echo kept`,
      `b touch ${inner}/new || echo none`,
      `b mount -o remount,rw,bind ${inner} || echo refused`,
      `b mount -o remount,rw ${inner} || echo refused`,
      `b umount ${inner} || echo held`,
      `b mv ${inner} ${work}/volume/moved || echo stays`,
      `b rm -r ${inner} || echo stays`,
      `echo x > ${work}/volume/written && echo written`,
      `b grep " ${inner} " /proc/self/mountinfo | b cut -d" " -f6`,
    ].join('\n');
    const { stdout } = await inJail(script, { paths });
    expect(stdout.split('\n').slice(0, 8)).toEqual([
      'kept',
      'none',
      'refused',
      'refused',
      'held',
      'stays',
      'stays',
      'written',
    ]);
    expect(stdout.split('\n')[8]).toMatch(/^ro,/);
    expect(readdirSync(inner)).toEqual(['file']);
    expect(readFileSync(join(inner, 'file'), 'utf8')).toBe('volume/read-only/file');
  });
});

it('The view’s /dev holds null, zero, random and urandom, and nothing else: no shm, pts, tty, full, fd', async () => {
  const absent = [
    'shm',
    'pts',
    'ptmx',
    'tty',
    'console',
    'full',
    'fd',
    'stdin',
    'kmsg',
    'mem',
    'kvm',
    'net',
    'fuse',
    'vda',
  ];
  const script = `b cut -d" " -f5 /proc/self/mountinfo | b grep ^/dev | b sort; for n in ${absent.join(' ')}; do [ -e /dev/$n ] && echo $n; done`;
  // One mount each: the directory is the view's own, and read-only.
  expect((await inJail(script)).stdout).toBe(['/dev/null', '/dev/random', '/dev/urandom', '/dev/zero', ''].join('\n'));
});

it('The command starts with a session keyring of its own, in which there is nothing', async () => {
  // One that no other test has been: keyrings of a process that ended may be there for some moments.
  const uid = HOST_USER.uid + process.pid;
  const { stdout } = await inJail('b cat /proc/keys', { hostUser: { uid, gid: uid } });
  const keyrings = stdout
    .trim()
    .split('\n')
    .map((line) => line.replace(/.* keyring +/, ''));
  expect(keyrings).toContain('_ses: empty');
  // A file that lists what may be looked at, which for the starter's own user are their other keys too: calls about keys are the filter's business.
  if (isRoot) expect(keyrings).toEqual(['_ses: empty']);
});
