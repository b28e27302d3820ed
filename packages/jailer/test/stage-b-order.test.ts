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
  'stage B goes in the order groups, gid, uid, no_new_privs, Landlock, seccomp, exec (watched by strace)',
  () => {
    const [rules, filter, trace] = ['rules', 'filter', 'trace'].map((name) => join(work, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(rules, `x${BUSYBOX}\0`);
    writeFileSync(filter, seccompFilter({ networkEnabled: false }));
    const [rulesFd, filterFd] = [openSync(rules, 'r'), openSync(filter, 'r')];
    const steps = ['setgroups', 'setresgid', 'setresuid', 'prctl', 'landlock_restrict_self', 'seccomp', 'execve'];
    const stageB = [defaultStageBPath(), '--gid', '1234', '--uid', '5678', '--landlock', '6', '--seccomp', '5'];
    const run = spawnSync('strace', ['-o', trace, '-e', `trace=${steps.join(',')}`, ...stageB, '--', BUSYBOX, 'true'], {
      stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'ignore', filterFd, rulesFd],
      encoding: 'utf8',
    });
    for (const fd of [rulesFd, filterFd]) closeSync(fd);
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    const [start, ...calls] = readFileSync(trace, 'utf8').split('\n');
    expect(start).toContain(defaultStageBPath());
    // What busybox does after exec, and the attempt to become root again, are no steps.
    const taken = calls.filter((line) => / = 0$/.test(line)).map((line) => line.slice(0, line.indexOf('(')));
    expect(taken.slice(0, steps.length)).toEqual(steps);
    expect(calls.find((line) => line.startsWith('prctl('))).toContain('PR_SET_NO_NEW_PRIVS');
  },
);
