import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BoxOptions, StageName } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { type Breakpoint, hostProcess } from './support/host-process.js';

describe('a host process killed by kill -9 in the middle of a start', () => {
  let home: TemporaryHome;
  const list = async (...path: string[]) => (await readdir(join(home.home, ...path))).sort();

  /** Starts a box in a host of its own, and kills that at the breakpoint. @returns the box, a new one unless one is given */
  async function killAt(breakpoint: Breakpoint, options: BoxOptions = {}, given?: string): Promise<string> {
    await using host = await hostProcess(home.home);
    const id = given ?? (await host.call.create({ memoryMib: 128, ...options }));
    await host.call.break(breakpoint);
    const started = host.call.start(id).then(
      () => 'started',
      (error: Error) => error.message,
    );
    expect(await Promise.race([host.frozen().then(() => 'frozen'), started])).toBe('frozen');
    await host.kill();
    expect(await started).toBe('the host process has ended');
    return id;
  }

  /** Opens the home as the next process does, and looks at what is left. */
  async function expectRecovered(id: string): Promise<void> {
    await using next = await hostProcess(home.home);
    expect(await waitUntilGone(() => processesOf(home.home).filter((pid) => pid !== next.pid))).toEqual([]);
    expect(['configured', 'stopped']).toContain((await next.call.info(id)).status);
    expect((await list('tmp')).filter((name) => !/^(elf-closure|seccomp)-/.test(name))).toEqual([]);
    for (const directory of ['bases', join('images', 'disk-images')]) {
      expect((await list(directory)).filter((name) => !name.endsWith('.ext4'))).toEqual([]);
    }
    const disks = (await list('boxes')).includes(id) ? await list('boxes', id, 'disks') : [];
    expect(disks.filter((name) => name !== 'disk.qcow2')).toEqual([]);
    await next.call.shutdown();
  }

  async function expectStartable(id: string): Promise<void> {
    await using host = await hostProcess(home.home);
    expect(await host.call.run(id, 'echo', ['runs'])).toEqual({ exitCode: 0, stdout: 'runs\n' });
    await host.call.remove(id, { force: true });
    await host.call.shutdown();
  }

  async function forgetDisks(): Promise<void> {
    for (const directory of ['bases', 'images/disk-images']) {
      await rm(join(home.home, directory), { recursive: true, force: true });
    }
  }

  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.remove());

  const points: readonly Breakpoint[] = [
    { call: 'rename', path: '/bases/' },
    { stage: 'filesystem-setup' },
    { stage: 'container-rootfs' },
    { stage: 'guest-rootfs', running: true },
    { call: 'link', path: '/bases/' },
    { call: 'link', path: '/disk-images/' },
    { call: 'link', path: '/disk\\.qcow2$' },
    { stage: 'guest-kernel' },
    { stage: 'vmm-spawn' },
    { stage: 'guest-connect' },
    { stage: 'guest-init' },
  ];
  it.each(points)(
    'at %o leaves no VM, no half-written disk and no staging behind, and the box startable',
    async (point) => {
      // What others have built already is built again, so that every point is reached.
      if ('call' in point) await forgetDisks();
      const id = await killAt(point);
      await expectRecovered(id);
      // Starts it over as far as the last point; to the end once.
      await killAt({ stage: 'guest-connect', running: true }, {}, id);
      await expectRecovered(id);
      if (point === points.at(-1)) await expectStartable(id);
    },
  );

  const stages: readonly StageName[] = ['vmm-spawn', 'guest-connect', 'guest-init'];
  it.each(stages)(
    'at %s of a detached box, whose VM nobody watches, leaves no VM once the home is opened',
    async (stage) => {
      const id = await killAt({ stage }, { detach: true });
      await expectRecovered(id);
      await killAt({ stage, running: true }, {}, id);
      await expectRecovered(id);
      if (stage === stages.at(-1)) await expectStartable(id);
    },
  );
});
