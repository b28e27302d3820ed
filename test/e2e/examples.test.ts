import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
beforeAll(async () => {
  home = await temporaryHome();
});
afterAll(() => home.remove());

/** What an example prints; rejects unless its status is 0. */
async function run(name: string): Promise<string> {
  const file = fileURLToPath(new URL(`../../examples/sdk/${name}.mjs`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { ...process.env, BOXLITE_HOME: home.home },
  });
  return stdout;
}

describe('the example', { timeout: patience(120_000) }, () => {
  it('grade-untrusted-code judges a program', async () => {
    expect(await run('grade-untrusted-code')).toBe('accepted\n');
  });

  it('warm-pool answers each question in a box of its own', async () => {
    expect(await run('warm-pool')).toBe('6 * 7 = 42\n2 ** 10 = 1024\n1 / 0 is no sum\n');
  });

  it('keep-state finds its files again', async () => {
    expect(await run('keep-state')).toBe('this box has been used 1 times\n');
    expect(await run('keep-state')).toBe('this box has been used 2 times\n');
  });

  it('stream-bytes gets every byte through', async () => {
    expect(await run('stream-bytes')).toBe('4096 KiB went through, status 0, the sum agrees\n');
  });
});
