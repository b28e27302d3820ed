import { readFileSync } from 'node:fs';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const vmm = await vmmUnderTest();

/** Processor time of a process, in ticks (proc(5), fields 14 and 15). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

describe.skipIf(vmm !== 'qemu')('pausing a box', () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  let boxlite: Boxlite;
  let box: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ name: 'busy', memoryMib: 128 });
    await box.run('sh', ['-c', 'while :; do :; done >/dev/null 2>&1 &']);
  }, patience(60_000));

  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  it(
    'stops its processes from using a processor, in whichever process it is asked for, and any call lets them go on',
    async () => {
      const cli = (...args: string[]) => runCli(args, { home: home.home });
      expect(await cli('pause', 'busy')).toMatchObject({ status: 0, stdout: Buffer.from('busy\n') });
      const { status, pid } = await box.info();
      expect(status).toBe('paused');
      const before = ticks(pid ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(ticks(pid ?? 0) - before).toBeLessThan(10);
      const { stdout } = await box.run('echo', ['awake']);
      expect(Buffer.from(stdout).toString()).toBe('awake\n');
      expect((await box.info()).status).toBe('running');
      await box.pause();
      expect(await cli('exec', 'busy', 'echo', 'here')).toMatchObject({ status: 0, stdout: Buffer.from('here\n') });
      await box.pause();
      expect((await cli('resume', 'busy')).status).toBe(0);
      expect((await box.info()).status).toBe('running');
    },
    patience(90_000),
  );

  it(
    'a paused box is stopped in good order, its files kept',
    async () => {
      await box.run('sh', ['-c', 'echo kept > /root/file']);
      await box.pause();
      await box.stop();
      expect(await box.info()).toMatchObject({ status: 'stopped', errorReason: null });
      const { stdout } = await box.run('cat', ['/root/file']);
      expect(Buffer.from(stdout).toString()).toBe('kept\n');
    },
    patience(90_000),
  );

  it(
    'happens by itself when nothing was run for a while, and not while a command runs',
    async () => {
      const idle = await boxlite.create({ memoryMib: 128, autoPauseMs: 300 });
      // Three times as long as a box may be idle: in a machine that stood still it would never end.
      const running = await idle.exec('sleep', ['1'], { stdin: false });
      expect((await running.wait()).exitCode).toBe(0);
      await expect.poll(async () => (await idle.info()).status, { timeout: patience(10_000) }).toBe('paused');
      const { stdout } = await idle.run('echo', ['awake']);
      expect(Buffer.from(stdout).toString()).toBe('awake\n');
      await boxlite.remove(idle.id, { force: true });
    },
    patience(90_000),
  );
});

describe.skipIf(vmm === 'qemu')('a VMM that cannot', () => {
  it(
    'says so, and names one that can',
    async () => {
      const home = await temporaryHome();
      const boxlite = await Boxlite.open({ homeDir: home.home });
      const box = await boxlite.create({ memoryMib: 128 });
      await box.start();
      for (const attempt of [() => box.pause(), () => box.snapshot(), () => box.fork(1)]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'unsupported',
          hint: expect.stringContaining('--vmm qemu'),
        });
      }
      expect((await box.info()).status).toBe('running');
      await boxlite.shutdown();
      await home.remove();
    },
    patience(90_000),
  );
});
