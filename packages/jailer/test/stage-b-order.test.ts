import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defaultStageBPath, seccompFilter } from '../src/index.js';

const BUSYBOX = '/bin/busybox';
let work: string;

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/boxlite-stage-b-order-');
  execFileSync('make', ['-s', '-C', fileURLToPath(new URL('../native', import.meta.url))]);
});
afterAll(() => rm(work, { recursive: true, force: true }));

// Only root has ids to give up.
it.skipIf(process.geteuid?.() !== 0)(
  'stage B goes in the order bounding set, groups, gid, uid, capabilities, keyring, no_new_privs, seccomp, exec (watched by strace)',
  () => {
    const [filter, trace] = [join(work, 'filter'), join(work, 'trace')];
    writeFileSync(filter, seccompFilter({ networkEnabled: false }));
    const filterFd = openSync(filter, 'r');
    const calls = ['prctl', 'capset', 'keyctl', 'setgroups', 'setresgid', 'setresuid', 'seccomp', 'execve'];
    const stageB = [defaultStageBPath(), '--gid', '1234', '--uid', '5678', '--seccomp', '5'];
    const run = spawnSync('strace', ['-o', trace, '-e', `trace=${calls.join(',')}`, ...stageB, '--', BUSYBOX, 'true'], {
      stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'ignore', filterFd],
      encoding: 'utf8',
    });
    closeSync(filterFd);
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    const [start, ...lines] = readFileSync(trace, 'utf8').split('\n');
    expect(start).toContain(defaultStageBPath());
    // What busybox does after exec, looks at a set, and the attempts to become somebody else again, are no steps.
    const taken = lines
      .filter((line) => /\)\s+= \d+$/.test(line) && !/_READ|_IS_SET|_GET_/.test(line))
      .map((line) =>
        line
          .replace(/^prctl\((\w+),? ?(PR_CAP_AMBIENT_\w+)?.*/, '$1 $2')
          .replace(/\(.*/, '')
          .trim(),
      );
    expect([...new Set(taken.slice(0, taken.indexOf('execve') + 1))]).toEqual([
      'PR_SET_DUMPABLE',
      'PR_CAPBSET_DROP',
      'PR_SET_SECUREBITS',
      'setgroups',
      'setresgid',
      'setresuid',
      'PR_CAP_AMBIENT PR_CAP_AMBIENT_CLEAR_ALL',
      'capset',
      'keyctl',
      'PR_SET_NO_NEW_PRIVS',
      'seccomp',
      'execve',
    ]);
  },
);
