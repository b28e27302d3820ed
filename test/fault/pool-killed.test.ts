import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { living, processesOfBox, timeUntilGone } from './support/box-processes.js';
import { hostProcess } from './support/host-process.js';

describe('a process with a pool that dies by kill -9', () => {
  let home: TemporaryHome;

  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.end());

  it('takes its warm boxes with it, and whoever opens the home next finds no trace of them', async () => {
    const host = await hostProcess(home.home);
    await host.call.pool({ size: 2, memoryMib: 128, maxMemoryMib: 512 });
    const warm = await host.call.list();
    expect(warm.map(({ pooled, status }) => [pooled, status])).toEqual([
      [true, 'running'],
      [true, 'running'],
    ]);
    const processes = await Promise.all(warm.map(({ id }) => processesOfBox(home.home, id)));
    await host.kill();
    for (const of of processes) {
      await timeUntilGone(of);
      expect(living(of)).toEqual([]);
    }
    await using next = await hostProcess(home.home);
    expect(await next.call.list()).toEqual([]);
    await next.call.shutdown();
  });

  it('leaves the pool of another process alone', async () => {
    await using host = await hostProcess(home.home);
    await host.call.pool({ size: 1, memoryMib: 128 });
    await using other = await hostProcess(home.home);
    expect((await other.call.list()).map(({ pooled, status }) => [pooled, status])).toEqual([[true, 'running']]);
    await other.call.shutdown();
    expect(await host.call.list()).toHaveLength(1);
    await host.call.shutdown();
  });
});
