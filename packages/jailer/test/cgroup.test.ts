import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupHierarchy, createCgroupV2Controller } from '../src/index.js';

const PURE = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
const HYBRID = `${PURE.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/unified ')}31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n`;
const LEGACY = '31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n';

describe('the cgroup hierarchy of a host', () => {
  it('is told from its mounts', () => {
    expect(cgroupHierarchy(PURE)).toEqual({ kind: 'pure', root: '/sys/fs/cgroup' });
    expect(cgroupHierarchy(HYBRID)).toEqual({ kind: 'hybrid', root: '/sys/fs/cgroup/unified' });
    expect(cgroupHierarchy(LEGACY)).toEqual({ kind: 'legacy' });
    expect(cgroupHierarchy('1 0 8:1 / / rw - ext4 /dev/sda rw\n')).toEqual({ kind: 'none' });
    expect(cgroupHierarchy('30 23 0:26 / /odd\\040path rw - cgroup2 cgroup2 rw\n')).toMatchObject({
      root: '/odd path',
    });
  });
});

/**
 * The files of a cgroup v2 hierarchy as plain files. It shows what is written where; that the kernel obeys is for a host with pure
 * cgroup v2 to show.
 */
describe('the cgroup of a box on a pure v2 host', () => {
  let root: string;
  const mountinfo = () => PURE.replace('/sys/fs/cgroup', root);
  const group = (id: string) => join(root, 'boxlite', id);
  const read = (id: string, file: string) => readFile(join(group(id), file), 'utf8');

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'boxlite-cgroup-'));
    await mkdir(group('b'), { recursive: true });
    await writeFile(join(group('b'), 'cgroup.controllers'), 'cpu memory pids\n');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('holds memory and processes', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', uid: 0 });
    const outcome = await controller.prepare('b', { maxMemory: 1000, maxProcesses: 64, maxOpenFiles: 3 });
    expect(outcome).toEqual({
      cgroupDir: group('b'),
      enforced: { memory: true, processes: true },
      degradations: [],
    });
    const files = ['memory.max', 'memory.high', 'memory.oom.group', 'pids.max'];
    expect(await Promise.all(files.map((file) => read('b', file)))).toEqual(['1000', '900', '1', '64']);
    expect(await readFile(join(root, 'boxlite', 'cgroup.subtree_control'), 'utf8')).toBe('+pids');
  });

  it('says which limit is not held when a controller is missing, and carries on', async () => {
    await writeFile(join(group('b'), 'cgroup.controllers'), 'pids\n');
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', uid: 0 });
    const outcome = await controller.prepare('b', { maxMemory: 1000, maxProcesses: 64 });
    expect(outcome.enforced).toEqual({ memory: false, processes: true });
    expect(outcome.degradations).toEqual([expect.stringContaining('memory limit')]);
  });

  it('of an ordinary user lies in the delegated service, where a process may be moved to', async () => {
    const service = '/user.slice/user-1000.slice/user@1000.service';
    await mkdir(join(root, service), { recursive: true });
    await writeFile(join(root, service, 'cgroup.procs'), '');
    const within = createCgroupV2Controller({
      mountinfo: mountinfo(),
      cgroup: `0::${service}/app.slice/x.scope\n`,
      uid: 1000,
    });
    expect((await within.prepare('b', {})).cgroupDir).toBe(join(root, service, 'boxlite', 'b'));
    const session = '0::/user.slice/user-1000.slice/session-2.scope\n';
    const outside = await createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: session, uid: 1000 }).prepare(
      'b',
      {},
    );
    expect(outside.cgroupDir).toBeUndefined();
    expect(outside.degradations.join()).toContain('systemd-run --user --scope');
  });

  it('is removed on release, once and again', async () => {
    await rm(group('b'), { recursive: true });
    await mkdir(group('b'));
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', uid: 0 });
    await controller.release('b');
    await expect(stat(group('b'))).rejects.toMatchObject({ code: 'ENOENT' });
    await controller.release('b');
  });

  it('that does not become empty is told, with where to look', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', uid: 0 });
    await writeFile(join(group('b'), 'cgroup.events'), 'populated 0\n');
    await expect(controller.release('b')).rejects.toMatchObject({
      code: 'storage_error',
      details: { path: group('b') },
    });
    expect(await read('b', 'cgroup.kill')).toBe('1');
  });
});

describe('a host without a pure cgroup v2 hierarchy', () => {
  it.each([
    ['hybrid', HYBRID, 'hybrid'],
    ['legacy', LEGACY, 'v1'],
    ['none', '', 'no cgroup v2'],
  ])('%s: the jailer says so and carries on', async (_name, mountinfo, words) => {
    const controller = createCgroupV2Controller({ mountinfo, cgroup: '0::/\n', uid: 0 });
    const outcome = await controller.prepare('b', { maxProcesses: 5, maxMemory: 6 });
    expect(outcome).toEqual({
      enforced: { memory: false, processes: false },
      degradations: [expect.stringMatching(new RegExp(`${words}.*not held for the group: memory, processes`))],
    });
    await controller.release('b');
  });

  it('this one is looked at for real without an error', async () => {
    const controller = createCgroupV2Controller();
    const outcome = await controller.prepare('boxlite-test', {});
    expect(outcome.cgroupDir === undefined).toBe(outcome.degradations.length > 0);
    await controller.release('boxlite-test');
  });
});

/** A cgroup v2 mount this test may use, with controllers or without. */
function writableCgroup(): string | undefined {
  const hierarchy = cgroupHierarchy(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (process.geteuid?.() !== 0 || !('root' in hierarchy)) return undefined;
  try {
    accessSync(hierarchy.root, constants.W_OK);
    return hierarchy.root;
  } catch {
    return undefined;
  }
}

// Needs root and a mounted cgroup v2 hierarchy.
describe.skipIf(writableCgroup() === undefined)('the cgroup of a box in the kernel', () => {
  it('release() kills what is left in the group and removes it', async () => {
    const root = writableCgroup() as string;
    const mountinfo = PURE.replace('/sys/fs/cgroup', root);
    const controller = createCgroupV2Controller({ mountinfo, cgroup: '0::/\n', uid: 0 });
    const id = `release-test-${process.pid}`;
    const { cgroupDir } = await controller.prepare(id, {});
    expect(cgroupDir).toBe(join(root, 'boxlite', id));
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    await writeFile(join(cgroupDir as string, 'cgroup.procs'), String(child.pid));
    await controller.release(id);
    expect(await ended).toEqual([null, 'SIGKILL']);
    await expect(stat(cgroupDir as string)).rejects.toMatchObject({ code: 'ENOENT' });
    // The parent stays for other boxes; this host had none, so the test takes it away. Kept if somebody else uses it.
    await rmdir(join(root, 'boxlite')).catch((thrown: NodeJS.ErrnoException) => expect(thrown.code).toBe('EBUSY'));
  });
});
