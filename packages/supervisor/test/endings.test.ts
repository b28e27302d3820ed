import { execFileSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { encodeFrame, FrameType } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { parseExitRecord } from '../src/index.js';
import { FrameInbox } from './support/frame-inbox.js';
import { gone, isRunning } from './support/processes.js';
import { runningUsers } from './support/running-users.js';
import { withBox } from './support/with-box.js';

const PANIC = '[    1.2] Kernel panic - not syncing: Attempted to kill init!';

describe.each(runningUsers)('the exit record, as $name', ({ supervisorBinary, owner }) => {
  const fixture = withBox({ binary: supervisorBinary, owner });

  it('is Error with the status and the end of stderr when the VMM exits with one', async () => {
    const vm = await fixture.launch(['err', 'first', 'err', 'cannot open disk', 'exit', '3']);
    const record = await vm.wait();
    expect(record).toEqual({
      kind: 'Error',
      code: 3,
      message: 'the VMM exited with status 3: cannot open disk',
      stderrTail: 'first\ncannot open disk\n',
    });
    expect(parseExitRecord(fixture.box.read(fixture.box.exitFile))).toEqual(record);
    expect(statSync(fixture.box.exitFile).mode & 0o777).toBe(0o600);
    await gone(vm.welcome.supervisor.pid);
    expect(existsSync(fixture.box.pidFile)).toBe(false);
  });

  it('is Signal when a signal ended the VMM', async () => {
    const vm = await fixture.launch(['signal', '6']);
    expect(await vm.wait()).toMatchObject({ kind: 'Signal', signal: 6 });
    expect(existsSync(fixture.box.exitFile)).toBe(true);
  });

  it('is Panic when the guest kernel panicked, whatever the VMM exited with', async () => {
    const vm = await fixture.launch(['out', PANIC, 'out', 'CPU: 0 PID: 1', 'exit', '0']);
    expect(await vm.wait()).toMatchObject({
      kind: 'Panic',
      message: 'Kernel panic - not syncing: Attempted to kill init!',
    });
    expect(existsSync(fixture.box.exitFile)).toBe(true);
  });

  it('is Panic with place and reason when the VMM itself panicked, and nothing of it when it then ended well', async () => {
    const panic = ['err', "thread 'vcpu' panicked at src/vstate.rs:7:9:", 'err', 'no such register'];
    const vm = await fixture.launch([...panic, 'err', 'note: backtrace', 'err', 'crash: SIGABRT', 'exit', '134']);
    expect(await vm.wait()).toMatchObject({
      kind: 'Panic',
      message: "the VMM panicked: thread 'vcpu' panicked at src/vstate.rs:7:9: no such register",
      stderrTail: expect.stringContaining('crash: SIGABRT'),
    });
    const other = await fixture.launch([...panic, 'exit', '0']);
    expect(await other.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
  });

  it('is never written when the guest powered off by itself', async () => {
    const vm = await fixture.launch(['out', 'Power down', 'exit', '0']);
    expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
    expect(existsSync(fixture.box.exitFile)).toBe(false);
  });

  it('bounds the end of stderr and escapes control characters', async () => {
    const vm = await fixture.launch(['flood-errors', '100000', 'err', '\u001b[2J\u202eevil', 'exit', '1']);
    const record = await vm.wait();
    if (record.kind !== 'Error') throw new Error(`unexpected ${record.kind}`);
    expect(record.stderrTail.length).toBeLessThanOrEqual(4200);
    expect(record.stderrTail).toContain('\\x1b[2J\\x202eevil\n');
    const text = fixture.box.read(fixture.box.exitFile);
    expect(text).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('stopping', () => {
  const fixture = withBox();

  it('kills a guest that does not follow within the grace, and counts as clean', async () => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stubborn']);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    const started = performance.now();
    expect(await vm.stop(300)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(performance.now() - started).toBeGreaterThanOrEqual(290);
  });

  it('takes the shorter of two graces', async () => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stubborn']);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    const long = vm.stop(600_000);
    expect(await vm.stop(50)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(await long).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });

  it('kills at once while no agent has said hello: nothing of the user runs yet', async () => {
    const vm = await fixture.launch(['stall']);
    expect(await vm.stop(600_000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });

  it('is graceful on SIGTERM to the supervisor', async () => {
    const { vm } = await fixture.launchAgent();
    process.kill(vm.welcome.supervisor.pid, 'SIGTERM');
    expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });

  it.each(['SIGHUP', 'SIGINT', 'SIGPIPE', 'SIGUSR1', 'SIGTSTP'] as const)(
    'is not what %s to the supervisor means',
    async (name) => {
      const { vm, inbox } = await fixture.launchAgent();
      process.kill(vm.welcome.supervisor.pid, name);
      await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('still here') });
      expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('still here');
    },
  );

  it('kill() does not ask', async () => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stubborn']);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    expect(await vm.kill()).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(isRunning(vm.welcome.vmm.pid)).toBe(false);
  });

  it('is idempotent: asked again after the end, it tells the same record', async () => {
    const { vm } = await fixture.launchAgent();
    const record = await vm.stop(5000);
    expect(await vm.stop(5000)).toEqual(record);
    expect(await vm.kill()).toEqual(record);
    expect(await vm.wait()).toEqual(record);
  });

  it('reaches the supervisor past a queue the guest does not take', async () => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stall']);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    const payload = new Uint8Array(65_536);
    const sends = Array.from({ length: 64 }, () => vm.channel.send({ type: FrameType.DATA, stream: 1, payload }));
    expect(await vm.stop(200)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    await Promise.allSettled(sends);
  });

  it('asks the agent also when its queue is full: there is always room for SHUTDOWN', async () => {
    const fifo = `${fixture.box.dir}/awake`;
    execFileSync('mkfifo', [fifo]);
    const vm = await fixture.launch([
      'dial',
      fixture.box.agentSocket,
      'hello',
      'hi',
      'await',
      fifo,
      'serve',
      'out',
      'asked',
    ]);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    // The smallest frames, so that they leave no room another small one would fit in.
    const flood = connect({ path: `${fixture.box.controlDir}/api.sock` });
    flood.on('error', () => flood.destroy());
    flood.write(Buffer.alloc(12 * 100_000, encodeFrame({ type: FrameType.CREDIT, stream: 1 })));
    // A connection made later is greeted after they were read, as far as there was room.
    for (let count = 0; count < 20; count += 1) await (await fixture.connect()).close();
    const stopped = vm.stop(20_000);
    await (await fixture.connect()).close();
    writeFileSync(fifo, '');
    expect(await stopped).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(fixture.box.read(fixture.box.consoleFile)).toContain('asked\n');
    flood.destroy();
  });

  it('ends processes of the box that left its process group', async () => {
    const vm = await fixture.launch(['orphan', 'out', 'ready', ...fixture.box.agent]);
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    const orphan = Number(/orphan (\d+)/.exec(fixture.box.read(fixture.box.consoleFile))?.[1]);
    expect(isRunning(orphan)).toBe(true);
    await vm.stop(5000);
    expect(isRunning(orphan)).toBe(false);
  });
});

describe('a supervisor that is killed', () => {
  const fixture = withBox();

  it('takes the VMM with it, and whoever waits is told', async () => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stall']);
    const inbox = new FrameInbox(vm.channel);
    await inbox.next(FrameType.HELLO);
    process.kill(vm.welcome.supervisor.pid, 'SIGKILL');
    expect(await vm.wait()).toMatchObject({
      kind: 'Error',
      message: expect.stringContaining('the supervisor was lost'),
    });
    await inbox.closed;
    await gone(vm.welcome.vmm.pid);
  });

  it('leaves sockets that the next one replaces', async () => {
    const { vm } = await fixture.launchAgent();
    process.kill(vm.welcome.supervisor.pid, 'SIGKILL');
    await vm.wait();
    await gone(vm.welcome.vmm.pid);
    expect(existsSync(`${fixture.box.controlDir}/api.sock`)).toBe(true);
    const second = await fixture.launchAgent();
    expect(await second.vm.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });
});
