import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Box, Boxlite, type BoxliteError, collect, type StageName } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { living, processesOfBox, timeUntilGone } from './support/box-processes.js';

/** What a time-out of the SDK would take at least (guest-connect: 60 s); an error before that has another cause. */
const NO_TIME_OUT_MS = 30_000;

describe('when what runs a box is killed by kill -9', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  let box: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ memoryMib: 128, name: 'victim' });
    await box.run('sh', ['-c', 'echo kept > /root/kept && sync']);
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  const exitRecord = async () => JSON.parse(await readFile(join(home.home, 'boxes', box.id, 'exit'), 'utf8'));
  const settled = (status: string) =>
    vi.waitUntil(async () => (await box.info()).status === status, { timeout: 10_000 });

  async function expectFilesKept(): Promise<void> {
    const { stdout } = await box.run('cat', ['/root/kept']);
    expect(Buffer.from(stdout).toString()).toBe('kept\n');
    expect(await box.info()).toMatchObject({ status: 'running', errorReason: null });
  }

  it('the VMM: commands that run are told of the cause, the box is failed with it, and starts again with its files', async () => {
    const processes = await processesOfBox(home.home, box.id);
    const execution = await box.exec('sleep', ['1000']);
    const reading = collect(execution);
    process.kill(processes.vmm.pid, 'SIGKILL');
    const begin = performance.now();
    const cause = { code: 'stopped', message: expect.stringContaining('killed by signal 9') };
    await expect(execution.wait()).rejects.toMatchObject(cause);
    await expect(reading).rejects.toMatchObject(cause);
    process.stderr.write(`kill -9 of the VMM to the rejection of wait: ${(performance.now() - begin).toFixed(0)} ms\n`);
    expect(await exitRecord()).toMatchObject({ kind: 'Signal', signal: 9 });
    await settled('failed');
    expect((await box.info()).errorReason).toContain('killed by signal 9');
    await timeUntilGone(processes);
    expect(living(processes)).toEqual([]);
    await expectFilesKept();
  });

  it('the supervisor: the VMM dies with it, commands are told, the box is failed with the reason, and starts again', async () => {
    const processes = await processesOfBox(home.home, box.id);
    const execution = await box.exec('sleep', ['1000']);
    process.kill(processes.supervisor.pid, 'SIGKILL');
    await expect(execution.wait()).rejects.toMatchObject({
      code: 'stopped',
      message: expect.stringContaining('the supervisor was lost'),
    });
    await settled('failed');
    expect((await box.info()).errorReason).toContain('the supervisor was lost');
    await timeUntilGone(processes);
    expect(living(processes)).toEqual([]);
    await expectFilesKept();
  });

  it('the supervisor, and nobody watched: the next one to look finds the box failed with the reason', async () => {
    const processes = await processesOfBox(home.home, box.id);
    await box.close();
    process.kill(processes.supervisor.pid, 'SIGKILL');
    await timeUntilGone(processes);
    expect(await box.info()).toMatchObject({
      status: 'failed',
      running: false,
      errorReason: expect.stringContaining('the supervisor was lost'),
    });
    await expectFilesKept();
  });

  it('a command is begun the moment after: it fails or runs in the box started again, and does not hang', async () => {
    const processes = await processesOfBox(home.home, box.id);
    process.kill(processes.vmm.pid, 'SIGKILL');
    const outcome = await box.run('true').then(
      ({ exitCode }) => exitCode,
      (error: BoxliteError) => error.code,
    );
    expect([0, 'stopped', 'agent_unavailable']).toContain(outcome);
    await expectFilesKept();
  });

  const stages: readonly StageName[] = ['guest-connect', 'guest-init'];
  it.each(stages)('the VMM, at %s of a start: the start fails with the cause and no time-out', async (stage) => {
    await box.stop();
    const start = box.start({
      onStage(name, timing) {
        // The end of what is before, and for guest-init the hello of a guest that runs.
        if (name === stage && timing === undefined) void killVmm();
      },
    });
    const begin = performance.now();
    await expect(start).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringContaining('killed by signal 9'),
      hint: expect.stringContaining('boxlite rm'),
      details: { exit: { kind: 'Signal', signal: 9 } },
    });
    expect(performance.now() - begin).toBeLessThan(NO_TIME_OUT_MS);
    expect(await box.info()).toMatchObject({ status: 'failed', errorReason: expect.stringContaining('signal 9') });
    expect(await exitRecord()).toMatchObject({ kind: 'Signal', signal: 9 });
    await expectFilesKept();
  });

  it('the supervisor, at the start of the guest: the start fails with the cause, and the next one works', async () => {
    await box.stop();
    const start = box.start({
      onStage(name, timing) {
        if (name === 'guest-connect' && timing === undefined) void killSupervisor();
      },
    });
    await expect(start).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringContaining('supervisor was lost'),
    });
    expect((await box.info()).status).toBe('failed');
    await expectFilesKept();
  });

  it('the supervisor is stopped by a signal: a stop ends it and its VMM all the same', async () => {
    const processes = await processesOfBox(home.home, box.id);
    process.kill(processes.supervisor.pid, 'SIGSTOP');
    await box.stop({ graceMs: 0 });
    expect(living(processes)).toEqual([]);
    expect((await box.info()).status).toBe('stopped');
    await expectFilesKept();
  });

  async function killVmm(): Promise<void> {
    process.kill((await processesOfBox(home.home, box.id)).vmm.pid, 'SIGKILL');
  }

  async function killSupervisor(): Promise<void> {
    process.kill((await processesOfBox(home.home, box.id)).supervisor.pid, 'SIGKILL');
  }
});
