import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, REPOSITORY, runCli, spawnCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

/** `DEFAULT_STOP_GRACE_MS` of the SDK: what a graceful end leaves a process that does not want to go. */
const GRACE_MS = 10_000;

let home: TemporaryHome;
beforeAll(async () => {
  home = await temporaryHome();
});
afterAll(async () => {
  await home.end();
});

describe('boxlite run --rm', () => {
  it('loads few files, and nothing that only pulls, archives and conversions need', async () => {
    const run = ['run', '--rm', '--no-template', '--', 'true'];
    // The image is converted once.
    expect(await runCli(run, { home: home.home })).toMatchObject({ status: 0, stderr: '' });
    const list = join(home.home, 'modules');
    const env = {
      LIST_MODULES_FILE: list,
      NODE_OPTIONS: `--import file://${REPOSITORY}/test/support/list-modules.mjs`,
    };
    expect(await runCli(run, { home: home.home, env })).toMatchObject({ status: 0, stderr: '' });
    const files = [...new Set(readFileSync(list, 'utf8').trim().split('\n'))];
    expect(files).toContain(CLI);
    const unneeded = /\/(zod|@bufbuild|tar-stream|streamx|p-queue|undici|fzstd)\//;
    expect(files.filter((path) => unneeded.test(path))).toEqual([]);
    // 50 with what lists them: 22 of ours, 19 of better-sqlite3 and what finds its library, 8 of commander.
    expect(files.length, files.join('\n')).toBeLessThanOrEqual(60);
  });

  it('asks nobody in a box to end that goes with its command: a process that would not is no reason to wait', async () => {
    const child = spawnCli(['run', '--rm', '--no-template', '--', 'sh', '-c', "trap '' TERM; sleep 1000 & echo over"], {
      home: home.home,
    });
    await once(child.stdout, 'data');
    const over = performance.now();
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(performance.now() - over).toBeLessThan(GRACE_MS);
    expect((await runCli(['ls', '--quiet'], { home: home.home })).stdout.toString()).toBe('');
  });
});
