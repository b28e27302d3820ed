import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { REPOSITORY } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

describe('a plain program over the built SDK', () => {
  let home: TemporaryHome;
  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.remove());

  /** Runs a module to the end it finds by itself; the test's time-out is the bound. */
  async function run(source: string): Promise<{ status: number; stdout: string; stderr: string }> {
    const program = `
      import { Boxlite, SimpleBox } from '@boxlite/sdk';
      const homeDir = ${JSON.stringify(home.home)};
      ${source}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: `${REPOSITORY}/test`,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { status, stdout, stderr };
  }

  const expectNothingRuns = async () => expect(await waitUntilGone(() => processesOf(home.home))).toEqual([]);

  it('that shuts down ends by itself', async () => {
    const result = await run(`
      const boxlite = await Boxlite.open({ homeDir });
      const box = await boxlite.create({ memoryMib: 128 });
      console.log((await box.run('echo', ['hello'])).exitCode);
      await boxlite.shutdown();`);
    expect(result).toEqual({ status: 0, stdout: '0\n', stderr: '' });
    await expectNothingRuns();
  });

  it('that forgets to shut down ends by itself, too, and its box with it', async () => {
    const result = await run(`
      const boxlite = await Boxlite.open({ homeDir });
      const box = await boxlite.create({ memoryMib: 128 });
      await box.run('true');
      console.log('done');`);
    expect(result).toEqual({ status: 0, stdout: 'done\n', stderr: '' });
    await expectNothingRuns();
  });

  it('that waits for a command does not end before it, also when it reads none of its output', async () => {
    const result = await run(`
      const boxlite = await Boxlite.open({ homeDir });
      const box = await boxlite.create({ memoryMib: 128 });
      const execution = await box.exec('sh', ['-c', 'sleep 1; exit 3'], { stdin: false });
      console.log((await execution.wait()).exitCode);
      await boxlite.shutdown();`);
    expect(result).toEqual({ status: 0, stdout: '3\n', stderr: '' });
  });

  it('whose box dies while it is idle is not ended by an unhandled rejection', async () => {
    const result = await run(`
      const boxlite = await Boxlite.open({ homeDir });
      const box = await boxlite.create({ memoryMib: 128 });
      const execution = await box.exec('sleep', ['1000']);
      process.kill((await box.info()).pid, 'SIGKILL');
      while ((await box.info()).status !== 'failed');
      console.log((await box.info()).errorReason);
      await boxlite.shutdown();`);
    expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining('signal 9'), stderr: '' });
  });

  it('with a SimpleBox leaves nothing of it behind', async () => {
    const result = await run(`
      const box = new SimpleBox({ homeDir, memoryMib: 128 });
      const results = await Promise.all([1, 2, 3].map((n) => box.exec('echo', String(n))));
      console.log(results.map(({ stdout }) => stdout.trim()).join(' '));
      const { id } = await box.info();
      await Promise.all([box.stop(), box.stop(), box[Symbol.asyncDispose]()]);
      await box.exec('true').catch((error) => console.log(error.code));
      const boxlite = await Boxlite.open({ homeDir });
      console.log(await boxlite.get(id));
      await boxlite.shutdown();`);
    expect(result).toEqual({ status: 0, stdout: '1 2 3\nstopped\nnull\n', stderr: '' });
    await expectNothingRuns();
  });
});
