import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { living, processesOfBox, timeUntilGone } from './support/box-processes.js';
import { type HostProcess, hostProcess } from './support/host-process.js';

describe('a host process killed by kill -9', () => {
  let home: TemporaryHome;
  let observer: HostProcess;
  beforeAll(async () => {
    home = await temporaryHome();
    observer = await hostProcess(home.home);
  });
  afterAll(async () => {
    await observer.call.shutdown();
    await observer.kill();
    await home.remove();
  });

  async function runningBox(host: HostProcess, detach: boolean): Promise<string> {
    const id = await host.call.create({ memoryMib: 128, detach });
    await host.call.run(id, 'sh', ['-c', 'echo kept > /root/kept && sync']);
    return id;
  }

  /** The VMM is paused, so that the stop cannot get ahead; then the process that asked for it dies. */
  async function dieStopping(id: string): Promise<void> {
    const { vmm } = await processesOfBox(home.home, id);
    await using stopper = await hostProcess(home.home);
    process.kill(vmm.pid, 'SIGSTOP');
    const stop = stopper.call.stop(id, { graceMs: 60_000 });
    stop.catch(() => undefined); // it ends with its process
    await vi.waitUntil(async () => (await observer.call.info(id)).status === 'stopping', { timeout: 20_000 });
    await stopper.kill();
    process.kill(vmm.pid, 'SIGCONT');
  }

  it('in the middle of a stop leaves a box that the next process finds stopped, with its files', async () => {
    await using starter = await hostProcess(home.home);
    const id = await runningBox(starter, true);
    const processes = await processesOfBox(home.home, id);
    await starter.kill();
    await dieStopping(id);

    await using next = await hostProcess(home.home);
    expect((await next.call.info(id)).status).toBe('stopped');
    await timeUntilGone(processes);
    expect(living(processes)).toEqual([]);
    expect((await next.call.run(id, 'cat', ['/root/kept'])).stdout).toBe('kept\n');
    await next.call.remove(id, { force: true });
    await next.call.shutdown();
  });

  it('in the middle of a removal leaves the box whole, or nothing once the home is opened', async () => {
    await using starter = await hostProcess(home.home);
    const id = await runningBox(starter, false);
    await starter.call.stop(id);
    const directory = join(home.home, 'boxes', id);

    // Before its record is deleted nothing is; afterwards its files are nobody's.
    await starter.call.break({ call: 'unlink', path: `/fd/\\d+/${id}$` });
    const removal = starter.call.remove(id);
    removal.catch(() => undefined); // it ends with its process
    await starter.frozen();
    await expect(observer.call.info(id)).rejects.toMatchObject({ code: 'not_found' });
    expect(existsSync(join(directory, 'disks', 'disk.qcow2'))).toBe(true);
    await starter.kill();

    await using next = await hostProcess(home.home);
    expect((await next.call.list()).map((box) => box.id)).not.toContain(id);
    expect(await readdir(join(home.home, 'boxes'))).not.toContain(id);
    await next.call.shutdown();
  });
});
