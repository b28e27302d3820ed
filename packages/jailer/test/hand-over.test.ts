import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defaultStageBPath } from '../src/index.js';

const NATIVE = fileURLToPath(new URL('../native', import.meta.url));
const BUSYBOX = '/bin/busybox';
const HOST = 2_010_000_777;
const isRoot = process.geteuid?.() === 0;
let work: string;
let sanitized: string;

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/boxlite-hand-over-');
  execFileSync('make', ['-s', '-C', NATIVE]);
  execFileSync('make', ['-s', '-C', NATIVE, 'test-sanitized', `BUILD=${work}`]);
  sanitized = join(work, 'boxlite-hand-over-sanitized');
  await writeFile(join(work, 'records'), '');
});
afterAll(() => rm(work, { recursive: true, force: true }));

const IDS = ['--outside', '65533', '--uid', `65534:${HOST}`, '--gid', `65534:${HOST}`];
const NAMESPACES = ['--userns', '9', '--inner', '31'];

/** Runs the helper, built with sanitizers, over a view in which there is nothing. */
function handOver(args: readonly string[]) {
  const fd = openSync(join(work, 'records'), 'r');
  const stdio = ['ignore', 'pipe', 'pipe', ...Array.from({ length: 6 }, () => 'ignore'), fd] as (
    | 'ignore'
    | 'pipe'
    | number
  )[];
  const { status, stdout, stderr } = spawnSync(sanitized, args, { env: {}, cwd: '/', stdio, encoding: 'utf8' });
  closeSync(fd);
  return { status, stdout, stderr };
}

const shell = (script: string) => ['--', BUSYBOX, 'sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`];

it.skipIf(!isRoot)(
  'The helper leaves two user namespaces, the command’s inside the sandbox’s, and not its own records (needs root)',
  () => {
    const script =
      'cd /proc/self/fd; for n in *; do t=$(b readlink /proc/$$/fd/$n) && echo "$n $t"; done; b cat /proc/self/uid_map';
    const { status, stdout, stderr } = handOver(['--view', '9', ...IDS, ...NAMESPACES, ...shell(script)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const namespaces = [...stdout.matchAll(/^(\d+) (user:\[\d+\])$/gm)];
    expect(namespaces.map(([, number]) => number).sort()).toEqual(['31', '9']);
    expect(new Set(namespaces.map(([, , name]) => name)).size).toBe(2);
    expect(stdout).not.toContain(`${work}/records`);
    // The helper itself stays where it was: entering is for those behind it.
    expect(stdout).toMatch(/^\s+0\s+0\s+4294967295$/m);
  },
);

it.skipIf(!isRoot)(
  'In the inner one stage B becomes the box’s user, with nothing left and no way back (needs root)',
  async () => {
    // The checkout may lie below /tmp, over which the view comes.
    const helper = join(work, 'boxlite-stage-b');
    await copyFile(defaultStageBPath(), helper);
    const stageB = [helper, '--user-namespace', '31', '--gid', '65534', '--uid', '65534', '--'];
    const inner = `${BUSYBOX} sh -c '${BUSYBOX} cat /proc/self/uid_map; ${BUSYBOX} grep -E "^(Uid|Cap)" /proc/self/status; ${BUSYBOX} unshare -U true || echo sealed'`;
    // A sandbox enters the outer one before; nsenter does the same.
    const enter = `/usr/bin/nsenter --user=/proc/self/fd/9 --preserve-credentials ${stageB.join(' ')} ${inner}`;
    const { stdout, stderr } = handOver(['--view', '9', ...IDS, ...NAMESPACES, '--', '/bin/sh', '-c', enter]);
    expect(stderr).toContain('No space left on device');
    expect(stdout.split('\n').map((line) => line.trim().split(/\s+/).join(' '))).toEqual(
      ['65533 65533 1', '65534 65534 1', 'Uid: 65534 65534 65534 65534'].concat(
        ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((name) => `Cap${name}: 0000000000000000`),
        ['sealed', ''],
      ),
    );
  },
);

it.skipIf(!isRoot)('A check makes everything and becomes nothing (needs root)', () => {
  expect(handOver(['--view', '9', ...IDS, ...NAMESPACES, '--check'])).toEqual({ status: 0, stdout: '', stderr: '' });
});

it.each([
  ['an id of host root', ['--outside', '65533', '--uid', '65534:0', '--gid', `65534:${HOST}`, ...NAMESPACES]],
  ['a pair without a colon', ['--outside', '65533', '--uid', '65534', '--gid', `65534:${HOST}`, ...NAMESPACES]],
  ['no group', ['--outside', '65533', '--uid', `65534:${HOST}`, ...NAMESPACES]],
  ['no inner namespace', [...IDS, '--userns', '9']],
  ['one descriptor for both', [...IDS, '--userns', '9', '--inner', '9']],
  ['a standard stream for a namespace', [...IDS, '--userns', '2', '--inner', '31']],
  ['an option given twice', [...IDS, ...IDS, ...NAMESPACES]],
  ['an id that is too large', ['--outside', '4294967295', ...IDS.slice(2), ...NAMESPACES]],
  [
    'five groups',
    [...IDS, ...NAMESPACES, ...Array.from({ length: 5 }, (_unused, at) => ['--group', `${at + 1}:${at + 9}`]).flat()],
  ],
  ['an unknown option', [...IDS, ...NAMESPACES, '--more', '1']],
])('The helper refuses %s', (_what, args) => {
  const { status, stdout, stderr } = handOver(['--view', '9', ...args, ...shell('echo ran')]);
  expect({ status, stdout }).toEqual({ status: 120, stdout: '' });
  expect(stderr).toMatch(/^boxlite-hand-over: arguments: .*\n$/);
});

it('The helper refuses a command that is no absolute path, and no command', () => {
  for (const rest of [['--', 'sh'], ['--'], []]) expect(handOver(['--view', '9', ...rest]).status).toBe(120);
});
