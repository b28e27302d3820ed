import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { accessibleRepository } from '../support/accessible-repository.js';
import { patience } from '../support/patience.js';

const run = promisify(execFile);
const isRoot = process.geteuid?.() === 0;
const USER = 'nobody';
/** Of this directory: those in which it matters who runs the boxes. The VMM has that user's own id then, and not one of its box. */
const FILES = ['host-bases', 'host-held-alive', 'host-places', 'host-volumes'].map(
  (name) => `test/escape/${name}.test.ts`,
);

describe.runIf(isRoot)('for an ordinary user', () => {
  it(
    'the host is as safe from a VMM that was taken over',
    async () => {
      const { root, release } = accessibleRepository(USER);
      const home = mkdtempSync(join(tmpdir(), 'boxlite-ordinary-'));
      chownSync(home, 65534, statSync('/tmp').gid);
      try {
        const vitest = join(root, 'node_modules/.bin/vitest');
        // The other loader of the configuration writes beside it.
        const words = ['run', '--configLoader', 'runner', '--no-file-parallelism', '--reporter=json', ...FILES];
        const env = { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: '/tmp' };
        const { stdout } = await run('runuser', ['-u', USER, '--', vitest, ...words], {
          ...{ cwd: root, env, maxBuffer: 16 * 1024 ** 2 },
        }).catch((thrown: { stdout: string; stderr: string }) => thrown);
        const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
          numPassedTests: number;
          testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[];
        };
        const failed = report.testResults
          .flatMap(({ assertionResults }) => assertionResults)
          .filter(({ status }) => status === 'failed')
          .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n')}`);
        expect(failed).toEqual([]);
        expect(report.numPassedTests).toBeGreaterThan(9);
      } finally {
        rmSync(home, { recursive: true, force: true });
        release();
      }
    },
    patience(400_000),
  );
});
