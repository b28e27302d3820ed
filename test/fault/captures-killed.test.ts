import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { type Breakpoint, type HostProcess, hostProcess } from './support/host-process.js';

const MACHINE = { memoryMib: 128, vmm: 'qemu' };
const TIMEOUT_MS = patience(120_000);

describe('a host process killed by kill -9 while it captures a machine', () => {
  let home: TemporaryHome;
  const names = async (...path: string[]): Promise<readonly string[]> => {
    try {
      return (await readdir(join(home.home, ...path))).sort();
    } catch {
      // A directory nobody has needed yet.
      return [];
    }
  };

  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.end());

  /** Kills a host at a breakpoint of what it is doing. */
  async function killAt(host: HostProcess, breakpoint: Breakpoint, work: () => Promise<unknown>): Promise<void> {
    await host.call.break(breakpoint);
    const done = work().then(
      () => 'done',
      (error: Error) => error.message,
    );
    expect(await Promise.race([host.frozen().then(() => 'frozen'), done])).toBe('frozen');
    await host.kill();
    expect(await done).toBe('the host process has ended');
  }

  /** Nothing half-written is in the home. */
  async function expectClean(bases: readonly string[]): Promise<void> {
    expect((await names('tmp')).filter((name) => !/^(elf-closure|seccomp)-/.test(name))).toEqual([]);
    expect((await names('bases')).filter((name) => !name.endsWith('.ext4'))).toEqual(bases);
  }

  describe('for a template', () => {
    const points: readonly Breakpoint[] = [
      { stage: 'template-boot' },
      { stage: 'template-capture' },
      { call: 'open', path: '/tmp/.*/memory' },
      { stage: 'template-verify' },
      { stage: 'template-install' },
      { call: 'rename', path: '/templates/' },
    ];
    it.each(points)(
      'at %o leaves no VM, no machine without a box and no template',
      { timeout: TIMEOUT_MS },
      async (point) => {
        await using host = await hostProcess(home.home);
        await killAt(host, point, () => host.call.template(MACHINE));
        await using next = await hostProcess(home.home);
        expect(await waitUntilGone(() => processesOf(home.home).filter((pid) => pid !== next.pid))).toEqual([]);
        expect([await names('boxes'), await names('templates'), await next.call.list()]).toEqual([[], [], []]);
        await expectClean([]);
        await next.call.shutdown();
      },
    );

    const imagePoints: readonly Breakpoint[] = [
      { stage: 'template-prepare' },
      { call: 'copyFile', path: '/disk\\.qcow2$' },
      { call: 'rename', path: '/templates/' },
    ];
    it.each(imagePoints)(
      'of an image, at %o leaves no VM, no machine without a box and no template',
      { timeout: TIMEOUT_MS },
      async (point) => {
        await using host = await hostProcess(home.home);
        const id = await host.call.create({ ...MACHINE, diskSizeGb: 1 });
        const { image } = await host.call.info(id);
        await host.call.remove(id);
        await killAt(host, point, () => host.call.template({ ...MACHINE, image, diskSizeGb: 1 }));
        await using next = await hostProcess(home.home);
        expect(await waitUntilGone(() => processesOf(home.home).filter((pid) => pid !== next.pid))).toEqual([]);
        expect([await names('boxes'), await names('templates'), await next.call.list()]).toEqual([[], [], []]);
        await expectClean([]);
        await next.call.shutdown();
      },
    );

    it('lets the next one make it, whole', { timeout: TIMEOUT_MS }, async () => {
      await using host = await hostProcess(home.home);
      await host.call.template(MACHINE);
      const id = await host.call.create({ ...MACHINE, diskSizeGb: 1 });
      const { image } = await host.call.info(id);
      await host.call.remove(id);
      await host.call.template({ ...MACHINE, image, diskSizeGb: 1 });
      expect((await host.call.templates()).map(({ problem }) => problem)).toEqual([null, null]);
      expect(await names('boxes')).toEqual([]);
      await expectClean([]);
      await host.call.shutdown();
    });
  });

  describe('of a box', () => {
    let id: string;
    const run = async (host: HostProcess, script: string) => (await host.call.run(id, 'sh', ['-c', script])).stdout;

    /** A box with something in its memory and on its disk. */
    async function runningBox(host: HostProcess, detach: boolean): Promise<void> {
      id = await host.call.create({ ...MACHINE, detach });
      await host.call.start(id);
      await run(host, 'echo memory > /dev/shm/kept; echo disk > /kept; sync');
    }

    beforeEach(() => {
      id = '';
    });
    afterEach(async () => {
      await using host = await hostProcess(home.home);
      for (const { id: left } of await host.call.list()) await host.call.remove(left, { force: true });
      await expectClean([]);
      await host.call.shutdown();
    });

    const moments: readonly Breakpoint[] = [
      { call: 'open', path: '/memory' },
      { call: 'listen', path: '\\.ram$' },
      { call: 'copyFile', path: '/disk\\.qcow2$' },
      { call: 'link', path: '/bases/' },
      { call: 'rename', path: '/snapshots/.*/memory$' },
      { call: 'rename', path: '/snapshots/.*/state$' },
    ];
    it.each(moments)(
      'for a snapshot, at %o: there is no snapshot, and a detached box runs on',
      { timeout: TIMEOUT_MS },
      async (moment) => {
        await using host = await hostProcess(home.home);
        await runningBox(host, true);
        await killAt(host, moment, () => host.call.snapshot(id, 'half'));
        await using next = await hostProcess(home.home);
        expect(await next.call.snapshots(id)).toEqual([]);
        expect(await names('boxes', id, 'snapshots')).toEqual([]);
        await expectClean([]);
        expect(await run(next, 'cat /dev/shm/kept /kept')).toBe('memory\ndisk\n');
        // Nor is anything left of it that is in the way of the next one.
        await next.call.snapshot(id, 'half');
        expect((await next.call.snapshots(id)).map(({ name }) => name)).toEqual(['half']);
        expect((await names('boxes', id, 'sockets')).filter((name) => name.endsWith('.ram'))).toEqual([]);
        await next.call.shutdown();
      },
    );

    it('for a snapshot of a box that is not detached: the box is stopped, and starts again', {
      timeout: TIMEOUT_MS,
    }, async () => {
      await using host = await hostProcess(home.home);
      await runningBox(host, false);
      await killAt(host, { call: 'copyFile', path: '/disk\\.qcow2$' }, () => host.call.snapshot(id, 'half'));
      await using next = await hostProcess(home.home);
      expect(await waitUntilGone(() => processesOf(home.home).filter((pid) => pid !== next.pid))).toEqual([]);
      expect((await next.call.info(id)).status).toBe('stopped');
      expect(await run(next, 'cat /kept')).toBe('disk\n');
      await next.call.shutdown();
    });

    const forking: readonly Breakpoint[] = [
      { call: 'copyFile', path: '/disk\\.qcow2$' },
      { call: 'link', path: '/bases/' },
      { call: 'link', path: '/boxes/.*/disk\\.qcow2$' },
      { call: 'open', path: '/shim\\.stderr$' },
    ];
    it.each(forking)(
      'for forks, at %o: there are no children and no VM of theirs, and a detached parent runs on',
      { timeout: TIMEOUT_MS },
      async (moment) => {
        await using host = await hostProcess(home.home);
        await runningBox(host, true);
        await killAt(host, moment, () => host.call.fork(id, 2));
        await using next = await hostProcess(home.home);
        expect((await next.call.list()).map((info) => info.id)).toEqual([id]);
        expect(await waitUntilGone(() => otherThan(id, next))).toEqual([]);
        expect(await names('boxes')).toEqual([id]);
        await expectClean([]);
        expect(await run(next, 'cat /dev/shm/kept /kept')).toBe('memory\ndisk\n');
        expect(await next.call.fork(id, 1)).toHaveLength(1);
        await next.call.shutdown();
      },
    );

    const restoring = ['vmm-spawn', 'guest-connect', 'guest-renew'] as const;
    it.each(restoring)(
      'putting a box back to a snapshot, at %s: it can be put back again',
      { timeout: TIMEOUT_MS },
      async (stage) => {
        await using host = await hostProcess(home.home);
        await runningBox(host, false);
        await host.call.snapshot(id, 'kept');
        await run(host, 'echo later > /kept; echo later > /dev/shm/kept; sync');
        await host.call.stop(id);
        await killAt(host, { stage }, () => host.call.restore(id, 'kept'));
        await using next = await hostProcess(home.home);
        expect(await waitUntilGone(() => processesOf(home.home).filter((pid) => pid !== next.pid))).toEqual([]);
        await next.call.restore(id, 'kept');
        expect(await run(next, 'cat /dev/shm/kept /kept')).toBe('memory\ndisk\n');
        await next.call.shutdown();
      },
    );

    /** Supervisors and VMs of other boxes. */
    function otherThan(own: string, host: HostProcess): readonly number[] {
      const others = new Set(processesOf(home.home));
      others.delete(host.pid);
      for (const pid of processesOf(join(home.home, 'boxes', own))) others.delete(pid);
      return [...others];
    }
  });
});
