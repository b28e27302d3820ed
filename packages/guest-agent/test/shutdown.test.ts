import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FrameType } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { type Box, bootBox, finish } from './support/box.js';
import { failure } from './support/failure.js';

const run = promisify(execFile);

describe('shutdown', () => {
  it('ends the machine in order: SIGTERM to the commands, their exits reported, the disk written and unmounted', async () => {
    await using box = await bootBox();
    const execution = await box.client.exec({
      argv: ['sh', '-c', 'trap "echo saved > /root/state; exit 3" TERM; echo ready; while :; do sleep 0.05; done'],
    });
    await execution.stdout[Symbol.asyncIterator]().next();
    execution.stdout.discard();
    box.vm.send({ type: FrameType.SHUTDOWN });
    expect(await execution.wait()).toMatchObject({ exitCode: 3 });
    expect(await box.vm.exited).toBe(0);
    expect(await contentOf(box, '/root/state')).toBe('saved\n');
    await expectClean(box);
  });

  it('kills what ignores SIGTERM after a grace of two seconds', async () => {
    await using box = await bootBox();
    const execution = await box.client.exec({
      argv: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
    });
    await execution.stdout[Symbol.asyncIterator]().next();
    execution.stdout.discard();
    const begun = performance.now();
    box.vm.send({ type: FrameType.SHUTDOWN });
    expect(await execution.wait()).toMatchObject({ signal: 9 });
    await box.vm.exited;
    expect(performance.now() - begun).toBeGreaterThan(1900);
    expect(performance.now() - begun).toBeLessThan(6000);
    await expectClean(box);
  });

  it('takes another grace, in milliseconds, from the host', async () => {
    await using box = await bootBox();
    await box.client.exec({ argv: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] });
    const begun = performance.now();
    box.vm.send({ type: FrameType.SHUTDOWN, payload: Buffer.from([100, 0, 0, 0]) });
    await box.vm.exited;
    expect(performance.now() - begun).toBeLessThan(1900);
  });

  it('waits for processes whose command has ended already', async () => {
    await using box = await bootBox();
    await box.sh(
      '(trap "sleep 0.3; echo late > /root/late; exit" TERM; touch /tmp/up; while :; do sleep 0.05; done) > /dev/null 2>&1 & until test -e /tmp/up; do sleep 0.05; done',
    );
    box.vm.send({ type: FrameType.SHUTDOWN });
    await box.vm.exited;
    expect(await contentOf(box, '/root/late')).toBe('late\n');
    await expectClean(box);
  });

  it('refuses new commands and works before init too', async () => {
    await using bare = await bootBox({ init: null });
    bare.vm.send({ type: FrameType.SHUTDOWN });
    expect(await bare.vm.exited).toBe(0);
    expect(await failure(bare.run(['true']))).toMatchObject({ code: 'agent_unavailable' });
  });

  it('keeps what was written just before it', async () => {
    await using box = await bootBox();
    await box.sh('head -c 5000000 /dev/urandom > /root/data; sha256sum < /root/data > /root/sum');
    box.vm.send({ type: FrameType.SHUTDOWN });
    await box.vm.exited;
    const sum = await contentOf(box, '/root/sum');
    const { stdout } = await run('sh', [
      '-c',
      `debugfs -R "cat /root/data" "$1" 2>/dev/null | sha256sum`,
      'sh',
      box.disk,
    ]);
    expect(stdout).toBe(sum);
  });
});

describe('the main command', () => {
  it('ends the machine when it has ended, after its exit was reported', async () => {
    await using box = await bootBox();
    const main = await box.client.exec({ argv: ['sh', '-c', 'echo working; exit 9'], main: true });
    expect(await finish(main)).toMatchObject({ exitCode: 9, stdout: 'working\n' });
    expect(await box.vm.exited).toBe(0);
  });

  it('ends the machine also when nobody listens to it any more, with everything that runs beside it', async () => {
    await using box = await bootBox();
    const main = await box.client.exec({ argv: ['sleep', '0.5'], main: true });
    await box.client.exec({ argv: ['sleep', '1000'] });
    await main.detach();
    expect(await box.vm.exited).toBe(0);
  });
});

/** Unmounted, with nothing left to do for the journal, and without damage. */
async function expectClean(box: Box): Promise<void> {
  const { stdout } = await run('dumpe2fs', ['-h', box.disk]);
  expect(stdout).toMatch(/^Filesystem state: +clean$/m);
  expect(stdout).not.toContain('needs_recovery');
  await run('e2fsck', ['-fn', box.disk]);
}

async function contentOf(box: Box, path: string): Promise<string> {
  const { stdout } = await run('debugfs', ['-R', `cat ${path}`, box.disk]);
  return stdout;
}
