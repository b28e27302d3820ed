import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SuperviseRequest, SupervisorWelcome } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleClient } from './support/bundle-client.js';
import { supervisorBinary } from './support/native-build.js';
import { gone, isRunning } from './support/processes.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();
const scratch = mkdtempSync(join(tmpdir(), 'bl-watchdog-'));
const client = join(scratch, 'client.mjs');

beforeAll(() => bundleClient(client));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Launcher {
  readonly process: ChildProcess;
  readonly welcome: SupervisorWelcome;
}

/** Runs a program of its own that launches the box and then does as it is told. */
async function launcher(request: SuperviseRequest, then: string): Promise<Launcher> {
  const script = join(scratch, 'launcher.mjs');
  writeFileSync(
    script,
    `import { createSupervisor } from ${JSON.stringify(client)};
     const vm = await createSupervisor({ binary: ${JSON.stringify(supervisorBinary)} }).launch(${JSON.stringify(request)});
     const greeted = new Promise((resolve) => vm.channel.onFrame((frame) => frame.type === 1 && resolve()));
     await greeted;
     console.log(JSON.stringify(vm.welcome));
     ${then}`,
  );
  const child = spawn(process.execPath, ['--expose-gc', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the launcher ended with ${code}`)));
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed])) as [string];
  failed.catch(() => 'it ends in every test');
  return { process: child, welcome: JSON.parse(line) as SupervisorWelcome };
}

const FOREVER = 'setInterval(() => undefined, 1000);';

describe('a box that is not detached', () => {
  it('is over within two seconds of the death of its launcher by SIGKILL', async () => {
    const { process: host, welcome } = await launcher(fixture.box.request(fixture.box.agent), FOREVER);
    const started = performance.now();
    host.kill('SIGKILL');
    await Promise.all([gone(welcome.vmm.pid), gone(welcome.supervisor.pid)]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('is over within two seconds also when its guest does not follow', async () => {
    const steps = ['dial', fixture.box.agentSocket, 'hello', 'hi', 'stubborn'];
    const { process: host, welcome } = await launcher(fixture.box.request(steps), FOREVER);
    const started = performance.now();
    host.kill('SIGKILL');
    await Promise.all([gone(welcome.vmm.pid), gone(welcome.supervisor.pid)]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('stops with a launcher that simply has nothing more to do: an idle connection does not keep Node alive', async () => {
    const { process: host, welcome } = await launcher(fixture.box.request(fixture.box.agent), '');
    const [code] = (await once(host, 'exit')) as [number];
    expect(code).toBe(0);
    await gone(welcome.supervisor.pid);
  });

  it('lives on while its launcher does, through garbage collection and a closed connection', async () => {
    const collect = 'await vm.close(); for (let n = 0; n < 5; n += 1) { gc(); await new Promise(setImmediate); }';
    const { process: host, welcome } = await launcher(
      fixture.box.request(fixture.box.agent),
      `${collect} console.log('collected'); ${FOREVER}`,
    );
    const other = await fixture.connect();
    await other.channel.send({ type: 2, stream: 1, payload: Buffer.from('ping') });
    await new Promise((resolve) => other.channel.onFrame(({ type }) => type === 3 && resolve(undefined)));
    expect(isRunning(welcome.vmm.pid)).toBe(true);
    host.kill('SIGKILL');
    expect(await other.wait()).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });

  it('tells other host processes that it was stopped', async () => {
    const { process: host } = await launcher(fixture.box.request(fixture.box.agent), FOREVER);
    const other = await fixture.connect();
    const told = other.wait();
    host.kill('SIGKILL');
    expect(await told).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });
});

describe('a detached box', () => {
  it('survives its launcher, and any process can go on with it', async () => {
    const { process: host, welcome } = await launcher(
      fixture.box.request(fixture.box.agent, { detached: true }),
      FOREVER,
    );
    host.kill('SIGKILL');
    await once(host, 'exit');
    const other = await fixture.connect();
    expect(other.welcome).toEqual({ ...welcome, detached: true });
    await other.channel.send({ type: 2, stream: 1, payload: Buffer.from('ping') });
    await new Promise((resolve) => other.channel.onFrame(({ type }) => type === 3 && resolve(undefined)));
    expect(await other.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });
});

describe('an outstanding wait', () => {
  it('keeps Node alive until the box has ended', async () => {
    const { process: host } = await launcher(
      fixture.box.request(fixture.box.agent),
      'console.log(JSON.stringify(await vm.wait()));',
    );
    const other = await fixture.connect();
    await other.stop(5000);
    const [code] = (await once(host, 'exit')) as [number];
    expect(code).toBe(0);
  });
});
