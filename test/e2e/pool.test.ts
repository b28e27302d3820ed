import { setTimeout } from 'node:timers/promises';
import { Boxlite, type BoxPool } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

describe('a pool of warm boxes', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  const logged: string[] = [];

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home, log: ({ message }) => logged.push(message) });
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  const statuses = async () =>
    (await boxlite.list()).map(({ pooled, status }) => `${pooled ? 'pooled' : 'own'} ${status}`);

  async function withPool(size: number, use: (pool: BoxPool) => Promise<void>): Promise<void> {
    await using pool = boxlite.pool({ size, memoryMib: 128, maxMemoryMib: 1024, env: { KIND: 'pooled' } });
    await pool.ready();
    await use(pool);
  }

  it('hands out boxes that run already, each another one, unused and with the options of the pool', async () => {
    await withPool(2, async (pool) => {
      expect(await statuses()).toEqual(['pooled running', 'pooled running']);
      const boxes = await Promise.all([pool.take(), pool.take()]);
      expect(pool.stats).toMatchObject({ taken: 2, target: 2 });
      const said = await Promise.all(
        boxes.map((box) => box.run('sh', ['-c', 'echo $KIND; cat /mine 2>/dev/null; echo used > /mine'])),
      );
      expect(said.map(({ stdout }) => Buffer.from(stdout).toString())).toEqual(['pooled\n', 'pooled\n']);
      expect(new Set(boxes.map(({ id }) => id)).size).toBe(2);
      await pool.ready();
      expect(pool.stats).toMatchObject({ warm: 2, starting: 0 });
      await pool.drain();
      // What was taken is its taker's, and outlives the pool.
      expect(await statuses()).toEqual(['own running', 'own running']);
      expect(Buffer.from((await boxes[0]!.run('cat', ['/mine'])).stdout).toString()).toBe('used\n');
      await Promise.all(boxes.map((box) => boxlite.remove(box.id, { force: true })));
    });
    expect(await boxlite.list()).toEqual([]);
  });

  it('replaces a warm box whose machine is killed, and never hands out a dead one', async () => {
    await withPool(1, async (pool) => {
      const [warm] = await boxlite.list();
      process.kill(warm!.pid!, 'SIGKILL');
      while (pool.stats.warm > 0) await setTimeout(5);
      await pool.ready();
      const box = await pool.take();
      expect(box.id).not.toBe(warm!.id);
      expect((await box.run('true')).exitCode).toBe(0);
      await boxlite.remove(box.id, { force: true });
    });
    expect(await boxlite.list()).toEqual([]);
  });

  it('removes a box whose warm-up fails, and tells who waits why', async () => {
    const pool = boxlite.pool({
      ...{ size: 1, memoryMib: 128 },
      warmUp: async () => {
        throw new Error('the model cannot be loaded');
      },
    });
    await expect(pool.take()).rejects.toThrow('the model cannot be loaded');
    await pool.drain();
    expect(await boxlite.list()).toEqual([]);
  });

  it('keeps as many as memory allows, and says so', async () => {
    await using pool = boxlite.pool({ size: 8, memoryMib: 128, maxMemoryMib: 200 });
    expect(pool.stats.target).toBe(1);
    expect(logged.join('\n')).toMatch(/keeps 1 of 8 boxes of 128 MiB warm/);
    await pool.drain();
    await expect(pool.take()).rejects.toMatchObject({ code: 'stopped' });
  });

  it('goes with its runtime: nothing of it is left, though its boxes are not told to remove themselves', async () => {
    const other = await Boxlite.open({ homeDir: home.home });
    const pool = other.pool({ size: 2, memoryMib: 128, maxMemoryMib: 1024 });
    const box = await pool.take();
    const { id } = box;
    await other.shutdown();
    expect(await statuses()).toEqual(['own stopped']);
    await boxlite.remove(id);
  });
});
