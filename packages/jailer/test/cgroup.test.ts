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
    expect(cgroupHierarchy(PURE)).toEqual({ kind: 'pure', root: '/sys/fs/cgroup', mountedGroup: '/' });
    expect(cgroupHierarchy(HYBRID)).toMatchObject({ kind: 'hybrid', root: '/sys/fs/cgroup/unified' });
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
  /** The files by which a group is found: the root has no type. */
  const fakeGroup = async (path: string, controllers: string, processes = '') => {
    const directory = join(root, path);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'cgroup.procs'), processes);
    await writeFile(join(directory, 'cgroup.subtree_control'), '');
    await writeFile(join(directory, 'cgroup.controllers'), `${controllers}\n`);
    if (path !== '') await writeFile(join(directory, 'cgroup.type'), 'domain\n');
  };
  const read = (id: string, file: string) => readFile(join(group(id), file), 'utf8');

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'boxlite-cgroup-'));
    await fakeGroup('', 'cpu memory pids io');
    await mkdir(group('b'), { recursive: true });
    await writeFile(join(group('b'), 'cgroup.controllers'), 'cpu memory pids io\n');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('holds memory and processes', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n' });
    const outcome = await controller.prepare('b', { maxMemory: 1000, maxProcesses: 64, maxOpenFiles: 3 });
    expect(outcome).toEqual({
      cgroupDir: group('b'),
      enforced: { memory: true, processes: true, cpu: false, io: false },
      degradations: [],
    });
    const files = ['memory.max', 'memory.high', 'memory.oom.group', 'pids.max'];
    expect(await Promise.all(files.map((file) => read('b', file)))).toEqual(['1000', '900', '1', '64']);
    expect(await readFile(join(root, 'boxlite', 'cgroup.subtree_control'), 'utf8')).toBe('+io');
  });

  it('says which limit is not held when a controller is missing, and carries on', async () => {
    await writeFile(join(group('b'), 'cgroup.controllers'), 'pids\n');
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n' });
    const outcome = await controller.prepare('b', { maxMemory: 1000, maxProcesses: 64 });
    expect(outcome.enforced).toMatchObject({ memory: false, processes: true });
    expect(outcome.degradations).toEqual([expect.stringContaining('memory limit')]);
  });

  it('holds swap, processors and disk traffic, too', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', cpus: 4 });
    const limits = { maxMemory: 1000, memoryHigh: 800, maxSwap: 0, cpuQuota: 1.5, cpuWeight: 50, ioWeight: 20 };
    const outcome = await controller.prepare('b', limits);
    expect(outcome.enforced).toEqual({ memory: true, processes: false, cpu: true, io: true });
    const files = ['memory.high', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'io.weight'];
    const texts = ['800', '0', '150000 100000', '50', 'default 20'];
    expect(await Promise.all(files.map((file) => read('b', file)))).toEqual(texts);
  });

  it('has no quota of processors where it may use all of them anyway', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n', cpus: 2 });
    await controller.prepare('b', { cpuQuota: 2 });
    await expect(read('b', 'cpu.max')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is told to limit no disk traffic where no disk is known', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n' });
    const { enforced, degradations } = await controller.prepare(
      'b',
      { ioReadBytesPerSecond: 1 },
      { ioPaths: ['/proc'] },
    );
    expect(enforced.io).toBe(false);
    expect(degradations.join()).toMatch(/io limit is not held.*no disk/);
  });

  describe('of an ordinary user', () => {
    const service = 'user.slice/user-1000.slice/user@1000.service';
    const scope = `${service}/app.slice/x.scope`;
    const mayWriteBelow = (top: string) => (path: string) => path.startsWith(join(root, top));
    const controllerIn = (own: string, delegated: string) =>
      createCgroupV2Controller({
        ...{ mountinfo: mountinfo(), cgroup: `0::/${own}\n`, cpus: 64 },
        isWritable: mayWriteBelow(delegated),
      });
    beforeEach(async () => {
      for (const path of [service, `${service}/app.slice`]) await fakeGroup(path, 'memory pids');
      await fakeGroup(scope, 'memory pids', '77\n');
    });

    it('lies in the highest delegated group above this process, found from /proc/self/cgroup', async () => {
      const { cgroupDir } = await controllerIn(scope, service).prepare('b', {});
      expect(cgroupDir).toBe(join(root, service, 'boxlite', 'b'));
      // Delegated by hand, with no service manager about.
      const byHand = await controllerIn(scope, `${service}/app.slice`).prepare('b', {});
      expect(byHand.cgroupDir).toBe(join(root, service, 'app.slice/boxlite/b'));
    });

    it('lies below a delegated group that holds processes of its own, where there is a group between', async () => {
      await writeFile(join(root, service, 'cgroup.procs'), '12\n');
      const { cgroupDir } = await controllerIn(scope, service).prepare('b', {});
      expect(cgroupDir).toBe(join(root, service, 'app.slice/boxlite/b'));
    });

    it('has no limits where only the own group is delegated, and moves nobody out of it: it says what to do', async () => {
      const outcome = await controllerIn(scope, scope).prepare('b', { maxProcesses: 5, maxMemory: 6 });
      expect(outcome.cgroupDir).toBe(join(root, scope, 'boxlite/b'));
      expect(outcome.enforced).toMatchObject({ memory: false, processes: false });
      expect(outcome.degradations).toEqual([
        expect.stringMatching(/limits of memory, processes are not held.*holds processes itself.*DelegateSubgroup=/),
      ]);
      expect(await readFile(join(root, scope, 'cgroup.procs'), 'utf8')).toBe('77\n');
      // Enabling as much as one controller there would make the groups below it places nothing can join.
      expect(await readFile(join(root, scope, 'cgroup.subtree_control'), 'utf8')).toBe('');
    });

    it('is not there in a session outside of what is delegated, and the way to have one is told', async () => {
      const session = 'user.slice/user-1000.slice/session-2.scope';
      await fakeGroup(session, 'memory pids', '78\n');
      const outside = await controllerIn(session, service).prepare('b', {});
      expect(outside.cgroupDir).toBeUndefined();
      expect(outside.degradations.join()).toContain('systemd-run --user --scope -p Delegate=yes');
    });

    it('is removed by a process that stands elsewhere, by the name that was kept, and by no other name', async () => {
      const { cgroupDir = '' } = await controllerIn(scope, service).prepare('b', {});
      const elsewhere = controllerIn('user.slice/user-1000.slice/session-2.scope', 'nothing');
      await elsewhere.release('b', join(root, service));
      expect((await stat(cgroupDir)).isDirectory()).toBe(true);
      await elsewhere.release('b', cgroupDir);
      await expect(stat(cgroupDir)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('is not looked for outside of the part of the hierarchy that is seen here', async () => {
      for (const own of ['../other', 'elsewhere/x']) {
        const outcome = await createCgroupV2Controller({
          ...{ mountinfo: mountinfo().replace(' / ', ' /docker/1 '), cgroup: `0::/${own}\n` },
        }).prepare('b', {});
        expect(outcome.degradations.join()).toContain('is not mounted here');
      }
      await fakeGroup('main', 'memory pids');
      const inContainer = createCgroupV2Controller({
        ...{ mountinfo: mountinfo().replace(' / ', ' /docker/1 '), cgroup: '0::/docker/1/main\n' },
        isWritable: mayWriteBelow('main'),
      });
      expect((await inContainer.prepare('b', {})).cgroupDir).toBe(join(root, 'main/boxlite/b'));
    });
  });

  it('is removed on release, once and again', async () => {
    await rm(group('b'), { recursive: true });
    await mkdir(group('b'));
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n' });
    await controller.release('b');
    await expect(stat(group('b'))).rejects.toMatchObject({ code: 'ENOENT' });
    await controller.release('b');
  });

  it('that does not become empty is told, with where to look', async () => {
    const controller = createCgroupV2Controller({ mountinfo: mountinfo(), cgroup: '0::/x\n' });
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
    const controller = createCgroupV2Controller({ mountinfo, cgroup: '0::/\n' });
    const outcome = await controller.prepare('b', { maxProcesses: 5, maxMemory: 6 });
    expect(outcome).toEqual({
      enforced: { memory: false, processes: false, cpu: false, io: false },
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
    const controller = createCgroupV2Controller({ mountinfo, cgroup: '0::/\n' });
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
