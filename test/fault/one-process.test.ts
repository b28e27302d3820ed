import { type Box, Boxlite, type BoxliteError } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { processesOf } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

describe('calls of one process that overlap', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  let box: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ memoryMib: 128, name: 'busy' });
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: BoxliteError) => error.code,
    );

  it('handles of one box are the same, whether by id, name or beginning of the id', async () => {
    expect(await boxlite.get(box.id)).toBe(box);
    expect(await boxlite.get('busy')).toBe(box);
    expect(await boxlite.get(box.id.slice(0, 8))).toBe(box);
  });

  it('commands in a box that does not run start it once', async () => {
    const results = await Promise.all([1, 2, 3, 4].map((n) => box.run('echo', [String(n)])));
    expect(results.map(({ stdout }) => Buffer.from(stdout).toString())).toEqual(['1\n', '2\n', '3\n', '4\n']);
    expect(processesOf(home.home)).toHaveLength(3); // one supervisor, bubblewrap and VMM
  });

  it('after close the box runs on, and the next command connects again', async () => {
    const { pid } = await box.info();
    await Promise.all([box.close(), box.close()]);
    expect((await box.run('true')).exitCode).toBe(0);
    expect((await box.info()).pid).toBe(pid);
  });

  it('figures of the box and of the runtime are counted', async () => {
    const metrics = await box.metrics();
    expect(metrics).toMatchObject({ commandsExecutedTotal: 5, execErrorsTotal: 0 });
    expect(metrics.memoryBytes).toBeGreaterThan(32 * 1024 * 1024);
    expect(metrics.cpuTimeMs).toBeGreaterThan(0);
    expect(metrics.totalStartMs).toBeGreaterThanOrEqual(metrics.stagesMs['guest-connect'] ?? Number.NaN);
    expect(await boxlite.metrics()).toMatchObject({ boxesCreatedTotal: 1, numRunningBoxes: 1, boxesFailedTotal: 0 });
  });

  it('stops are one: all succeed, and one more does nothing', async () => {
    await Promise.all([box.stop(), box.stop(), box.stop({ graceMs: 0 })]);
    await box.stop();
    expect((await box.info()).status).toBe('stopped');
    expect((await box.metrics()).memoryBytes).toBeUndefined();
  });

  it('a stop during a start waits for it; the box is stopped in the end', async () => {
    const start = outcome(box.start());
    await vi.waitUntil(() => processesOf(home.home).length > 0, { timeout: 20_000 });
    await box.stop();
    expect(await start).toBe('done');
    expect((await box.info()).status).toBe('stopped');
  });

  it('start, stop and commands in any order leave a box that works', async () => {
    const calls = [
      outcome(box.run('true')),
      outcome(box.stop({ graceMs: 1000 })),
      outcome(box.run('true')),
      outcome(box.start()),
      outcome(box.stop({ graceMs: 1000 })),
      outcome(box.run('true')),
    ];
    for (const result of await Promise.all(calls)) expect(['done', 'stopped', 'agent_unavailable']).toContain(result);
    expect((await box.run('echo', ['works'])).exitCode).toBe(0);
  });

  it('of a box that is removed meanwhile say so; stopping it is no failure', async () => {
    const execution = await box.exec('sleep', ['1000']);
    const [waited, removed] = await Promise.allSettled([execution.wait(), boxlite.remove(box.id, { force: true })]);
    expect(waited).toMatchObject({ status: 'rejected', reason: { code: 'stopped' } });
    expect(removed.status).toBe('fulfilled');
    const gone = { code: 'not_found' };
    await expect(box.info()).rejects.toMatchObject(gone);
    await expect(box.metrics()).rejects.toMatchObject(gone);
    await expect(box.run('true')).rejects.toMatchObject(gone);
    await expect(boxlite.remove(box.id)).rejects.toMatchObject(gone);
    await box.stop();
    await box.close();
    expect(await boxlite.get(box.id)).toBeNull();
  });

  it('a box that removes itself does so once, however its end is asked for', async () => {
    const volatile = await boxlite.create({ memoryMib: 128, autoRemove: true });
    await volatile.start();
    await Promise.all([volatile.stop(), volatile.stop()]);
    expect(await boxlite.get(volatile.id)).toBeNull();

    const ending = await boxlite.create({ memoryMib: 128, autoRemove: true });
    const main = await ending.exec('true', [], { main: true });
    await main.wait();
    await vi.waitUntil(async () => (await boxlite.get(ending.id)) === null, { timeout: 20_000 });
    await ending.stop();
  });

  it('a box that removes itself and whose start failed is there to be looked at until it is stopped', async () => {
    const failing = await boxlite.create({ memoryMib: 128, autoRemove: true, image: 'oci:/nonexistent' });
    await expect(failing.start()).rejects.toMatchObject({ code: expect.stringMatching(/^image_/) });
    expect((await failing.info()).status).toBe('failed');
    await failing.stop();
    expect(await boxlite.get(failing.id)).toBeNull();
  });
});
