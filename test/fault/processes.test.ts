import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BoxliteError } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { living, processesOfBox, timeUntilGone } from './support/box-processes.js';
import { type HostProcess, hostProcess } from './support/host-process.js';

const BOX = { memoryMib: 128 };
/** What a command may be told when its box is stopped or removed under it. */
const LOST = ['stopped', 'agent_unavailable', 'not_found'];

describe('three processes on one home', () => {
  let home: TemporaryHome;
  let hosts: readonly HostProcess[];
  const host = (index: number) => {
    const found = hosts[index];
    if (found === undefined) throw new RangeError(`no host ${index}`);
    return found;
  };

  beforeAll(async () => {
    home = await temporaryHome();
    // At once, so that the database is made and migrated by several, too.
    hosts = await Promise.all([0, 1, 2].map(() => hostProcess(home.home)));
  });
  afterAll(async () => {
    await Promise.all(hosts.map(async (each) => each.call.shutdown()));
    await Promise.all(hosts.map((each) => each.kill()));
    await home.remove();
  });

  const list = async (...path: string[]) => readdir(join(home.home, ...path));
  const machines = () => processesOf(home.home).filter((pid) => hosts.every((each) => each.pid !== pid));
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: BoxliteError) => error.code,
    );

  it('that start the same box in a new home at the same time boot one VM from one image disk and one guest rootfs', async () => {
    const id = await host(0).call.create(BOX);
    const results = await Promise.all(hosts.map((each, index) => each.call.run(id, 'echo', [`host ${index}`])));
    expect(results.map(({ stdout }) => stdout)).toEqual(['host 0\n', 'host 1\n', 'host 2\n']);
    expect(machines().length).toBe(3); // the supervisor, bubblewrap (outer and inner are one VM's), the VMM
    expect(new Set(await Promise.all(hosts.map(async (each) => (await each.call.info(id)).pid))).size).toBe(1);
    expect(await list('images', 'disk-images')).toHaveLength(1);
    expect(await list('bases')).toHaveLength(1);
    expect((await list('tmp')).filter((name) => !/^(elf-closure|seccomp)-/.test(name))).toEqual([]);
    await host(1).call.remove(id, { force: true });
    expect(await waitUntilGone(machines)).toEqual([]);
  });

  it('that create boxes of one name make one box', async () => {
    const results = await Promise.allSettled(hosts.map((each) => each.call.create({ ...BOX, name: 'only-one' })));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.map(({ reason }) => reason.code)).toEqual(['already_exists', 'already_exists']);
    await host(0).call.remove('only-one');
  });

  it('see each of their boxes; the end of one process takes its own box along and leaves detached ones and those of others alone', async () => {
    const leaving = await hostProcess(home.home);
    const [own, detached, others] = await Promise.all([
      leaving.call.create(BOX),
      leaving.call.create({ ...BOX, detach: true }),
      host(0).call.create(BOX),
    ]);
    await Promise.all([leaving.call.start(own), leaving.call.start(detached), host(0).call.start(others)]);
    // Connected to, and with a command in it, a box still belongs to who started it.
    await leaving.call.run(others, 'true');
    const processes = await Promise.all([own, detached, others].map((id) => processesOfBox(home.home, id)));
    await leaving.call.shutdown();
    // A supervisor tells of the end a moment before its own.
    for (const each of processes.slice(0, 1)) await timeUntilGone(each);
    expect(processes.map((each) => living(each).length)).toEqual([0, 3, 3]);
    expect(await leaving.finish()).toBe(0);
    expect((await host(1).call.run(detached, 'echo', ['still'])).stdout).toBe('still\n');
    expect((await host(1).call.run(others, 'echo', ['still'])).stdout).toBe('still\n');
    await Promise.all([own, detached, others].map((id) => host(2).call.remove(id, { force: true })));
    expect(await waitUntilGone(machines)).toEqual([]);
  });

  it('one removes a box while another executes in it: the command is told, the box is gone for both', async () => {
    const id = await host(0).call.create(BOX);
    const execution = await host(0).call.exec(id, 'sleep', ['1000']);
    const waiting = host(0).call.wait(execution);
    waiting.catch(() => undefined); // looked at below
    await expect(host(1).call.remove(id)).rejects.toMatchObject({
      code: 'invalid_state',
      hint: expect.stringContaining('force'),
    });
    await host(1).call.remove(id, { force: true });
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    await expect(host(0).call.info(id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(host(0).call.run(id, 'true')).rejects.toMatchObject({ code: 'not_found' });
    expect(await list('boxes')).not.toContain(id);
  });

  it('that stop one box at the same time both succeed, and a command of the third is told', async () => {
    const id = await host(0).call.create(BOX);
    const execution = await host(2).call.exec(id, 'sleep', ['1000']);
    const waiting = host(2).call.wait(execution);
    waiting.catch(() => undefined); // looked at below
    const processes = await processesOfBox(home.home, id);
    await Promise.all([host(0).call.stop(id), host(1).call.stop(id)]);
    // The agent ends commands with SIGTERM first; whether that or the end of the box is heard of first does not matter.
    const ended = await waiting.catch((error: BoxliteError) => error);
    expect(ended).toMatchObject(ended instanceof Error ? { code: 'stopped' } : { exitCode: 143 });
    await timeUntilGone(processes);
    expect(await host(2).call.info(id)).toMatchObject({ status: 'stopped', errorReason: null });
    await host(0).call.remove(id);
  });

  it('that start, execute in and stop one box all at once end with a box that is as its record says, and loses no file', async () => {
    const id = await host(0).call.create({ ...BOX, detach: true });
    let done = 0;
    const append = (each: HostProcess, round: number) =>
      outcome(
        each.call.run(id, 'sh', ['-c', `echo ${round} >> /root/log && sync`]).then(({ exitCode }) => {
          // Else the stop has ended it, by SIGTERM.
          expect([0, 143]).toContain(exitCode);
          if (exitCode === 0) done += 1;
        }),
      );
    for (let round = 0; round < 3; round += 1) {
      const results = await Promise.all([
        append(host(0), round),
        append(host(1), round),
        outcome(host(2).call.stop(id, { graceMs: 2000 })),
      ]);
      expect(results[2]).toBe('done');
      for (const result of results.slice(0, 2)) expect(['done', ...LOST]).toContain(result);
    }
    const { stdout } = await host(2).call.run(id, 'cat', ['/root/log']);
    // A line may have been written by a command whose answer was lost.
    expect(stdout.trim().split('\n').filter(Boolean).length).toBeGreaterThanOrEqual(done);
    const { pid } = await host(0).call.info(id);
    const record = await readFile(join(home.home, 'boxes', id, 'shim.pid'), 'utf8');
    expect(record).toContain(`vmm ${pid} `);
    await host(0).call.remove(id, { force: true });
    expect(await waitUntilGone(machines)).toEqual([]);
  });
});
