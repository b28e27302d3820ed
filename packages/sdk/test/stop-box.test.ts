import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BoxId, BoxliteError, type ExitRecord, type Jail, type ProcessIdentity } from '@boxlite/core';
import { processIdentity } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { killVm } from '../src/box/kill-vm.js';
import type { LiveBox } from '../src/box/live-box.js';
import { stopBox } from '../src/box/stop-box.js';
import { type TestHome, testHome } from './support/test-home.js';

const ID = 'someBox11111' as BoxId;
const NEVER = new Promise<never>(() => undefined);

let home: TestHome;
let children: ChildProcess[];
beforeEach(async () => {
  children = [];
  // A supervisor that is there and does not answer.
  home = await testHome({ supervisor: async () => ({ connect: () => NEVER, launch: () => NEVER }) });
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await home[Symbol.asyncDispose]();
});

/** A process under the name that is given, which is what its `/proc/<pid>/comm` says. */
async function processNamed(name: string): Promise<ProcessIdentity> {
  const program = join(home.layout.tmpDir, name);
  await copyFile('/bin/sleep', program);
  const child = spawn(program, ['1000'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  const identity = processIdentity(child.pid ?? 0);
  if (identity === undefined) throw new Error(`${name} did not start`);
  return identity;
}

async function runningBox(supervisor: ProcessIdentity) {
  const box = await home.plant(ID, { status: 'running' });
  const { pid, startTime } = supervisor;
  await writeFile(box.pidFile, `supervisor ${pid} ${startTime}\nvmm ${pid} ${startTime}\n`);
  const record = await home.store.boxes.get(ID);
  if (record === undefined) throw new Error('not recorded');
  return { box, record };
}

const connection = (stop: () => Promise<ExitRecord>): LiveBox =>
  ({ vm: { stop, kill: stop, close: async () => undefined } }) as unknown as LiveBox;

describe('stopping a box', () => {
  it('takes the jail down that this process made for it, once nothing runs any more', async () => {
    const { box, record } = await runningBox(await processNamed('boxlite-supervisor'));
    const order: string[] = [];
    const live = {
      ...connection(async () => {
        order.push('ended');
        return { kind: 'Clean', reason: 'shutdown' };
      }),
      jail: { release: async () => void order.push('released') } as unknown as Jail,
    };
    await stopBox(home.services, record, box, live, {});
    expect(order).toEqual(['ended', 'released']);
  });

  it(
    'whose supervisor does not answer ends with the supervisor killed',
    async () => {
      const supervisor = await processNamed('boxlite-supervisor');
      const { box, record } = await runningBox(supervisor);
      await stopBox(
        home.services,
        record,
        box,
        connection(() => NEVER),
        { graceMs: 0 },
      );
      expect(processIdentity(supervisor.pid)).toBeUndefined();
      expect(await home.status(ID)).toBe('stopped');
      expect(home.log).toContain('the supervisor does not answer and is killed');
    },
    patience(30_000),
  );

  it('can be given up waiting for; the record says that it is being stopped', async () => {
    const { box, record } = await runningBox(await processNamed('boxlite-supervisor'));
    const aborter = new AbortController();
    const stopping = stopBox(
      home.services,
      record,
      box,
      connection(() => NEVER),
      { signal: aborter.signal },
    );
    aborter.abort();
    await expect(stopping).rejects.toMatchObject({ code: 'aborted' });
    expect(await home.status(ID)).toBe('stopping');
  });

  it('that ended on its own meanwhile is stopped, and not failed', async () => {
    const box = await home.plant(ID, { status: 'running' });
    const record = await home.store.boxes.get(ID);
    const gone = () => Promise.reject(new BoxliteError('agent_unavailable', 'nobody serves it'));
    if (record !== undefined) await stopBox(home.services, record, box, connection(gone), {});
    expect((await home.store.boxes.get(ID))?.state).toMatchObject({ status: 'stopped' });
  });

  it(
    'kills nobody whom a forged record names',
    async () => {
      const bystander = await processNamed('bystander');
      const { box } = await runningBox(bystander);
      await expect(killVm(home.services, box)).rejects.toMatchObject({
        code: 'vmm_failed',
        message: expect.stringContaining('which is no supervisor'),
      });
      expect(processIdentity(bystander.pid)).toBeDefined();
    },
    patience(30_000),
  );
});
