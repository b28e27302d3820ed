import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingLeft } from '../support/leftovers.js';
import { busyboxImageOfApp, type FixtureImage, NOT_EXECUTABLE_PATH } from '../support/oci-fixtures.js';
import { patience } from '../support/patience.js';
import { CLI, type RunOptions, runCli, spawnCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { VMM_ENVIRONMENT, vmmUnderTest } from '../support/vmm-under-test.js';

const FIFTY_MB = 50 * 1000 * 1000;

let home: TemporaryHome;
let image: FixtureImage;

beforeAll(async () => {
  home = await temporaryHome();
  image = busyboxImageOfApp(join(home.home, 'image-of-app'));
});

afterAll(async () => {
  await home.end();
});

const cli = (args: readonly string[], options: Partial<RunOptions> = {}) =>
  runCli(args, { home: home.home, ...options });
const run = (...args: readonly string[]) => cli(['run', '--rm', ...args]);
const boxes = async () => JSON.parse((await cli(['ls', '--json'])).stdout.toString()) as Record<string, unknown>[];

describe('boxlite run', () => {
  it('uses the starter image when there is none before "--", and removes the box after --rm', async () => {
    const result = await run('--', 'uname', '-s');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout.toString()).toBe('Linux\n');
    expect(await boxes()).toEqual([]);
    expect(await readdir(join(home.home, 'boxes'))).toEqual([]);
  });

  it('passes environment, directory, user, sizes, name and VMM on, and keeps the box without --rm', async () => {
    const script = 'echo "$A/$FROM_HOST/${MISSING-unset}"; pwd; id -un; nproc; hostname; grep MemTotal /proc/meminfo';
    const options = ['-e', 'A=b=c', '-e', 'FROM_HOST', '-e', 'MISSING', '-w', '/tmp', '-u', 'app', '--cpus', '2'];
    const shape = ['--memory', '300m', '--name', 'shaped', '--vmm', await vmmUnderTest(), '--hostname', 'host-of-test'];
    const result = await cli(['run', ...options, ...shape, image.reference, 'sh', '-c', `${script}; exit 7`], {
      env: { FROM_HOST: 'here' },
    });
    expect(result).toMatchObject({ stderr: '', status: 7 });
    const [env, directory, user, cpus, hostname, memory] = result.stdout.toString().split('\n');
    expect([env, directory, user, cpus, hostname]).toEqual(['b=c/here/unset', '/tmp', 'app', '2', 'host-of-test']);
    const kib = Number(/\d+/.exec(memory ?? '')?.[0]);
    expect(kib).toBeGreaterThan(250 * 1024);
    expect(kib).toBeLessThanOrEqual(300 * 1024);
    expect(await boxes()).toMatchObject([
      {
        name: 'shaped',
        status: 'stopped',
        exitCode: 7,
        vmm: await vmmUnderTest(),
        cpus: 2,
        memoryMib: 300,
        running: false,
      },
    ]);
    expect((await cli(['rm', 'shaped'])).status).toBe(0);
  });

  it('takes what the image says where nothing else is asked for', async () => {
    const result = await run(image.reference, 'sh', '-c', 'id -un; pwd; echo $GREETING');
    expect(result.stdout.toString()).toBe('app\n/work\nhello\n');
  });

  it('gives the status of a command killed by a signal as 128 + its number', async () => {
    expect((await run('--', 'sh', '-c', 'kill -9 $$')).status).toBe(137);
  });

  it('gives 127 for a command that does not exist, 126 for one that is not executable', async () => {
    const missing = await run('--', 'no-such-command');
    expect(missing).toMatchObject({ status: 127 });
    expect(missing.stderr).toContain('no-such-command');
    expect((await run(image.reference, NOT_EXECUTABLE_PATH)).status).toBe(126);
    expect(await boxes()).toEqual([]);
  });

  it('gives 125 when BoxLite itself fails, also for a wrong option', async () => {
    const unknown = await run('oci:/no/such/layout', 'true');
    expect(unknown.status).toBe(125);
    expect(unknown.stderr).toMatch(/^boxlite: .*\/no\/such\/layout.*\n {2}hint: /);
    expect(unknown.stderr, 'of a box that is gone').not.toContain('boxlite rm');
    expect((await run('--memory', 'lots', '--', 'true')).status).toBe(125);
    expect((await run('--no-such-option', '--', 'true')).status).toBe(125);
    expect(await boxes()).toEqual([]);
  });

  it('keeps stdout and stderr apart and shows no progress on a pipe', async () => {
    const result = await run('--', 'sh', '-c', 'echo out; echo err >&2; echo out2');
    expect(result.stdout.toString()).toBe('out\nout2\n');
    expect(result.stderr).toBe('err\n');
  });

  it('gives the command an empty stdin without -i', async () => {
    const result = await cli(['run', '--rm', '--', 'wc', '-c'], { input: Buffer.from('not for the box') });
    expect(result.stdout.toString().trim()).toBe('0');
  });
});

describe('the stdio of boxlite run', () => {
  it(
    'is byte-exact for 50 MB of random bytes in both directions',
    async () => {
      const input = randomBytes(FIFTY_MB);
      const result = await cli(['run', '--rm', '-i', '--', 'cat'], { input });
      expect(result).toMatchObject({ stderr: '', status: 0 });
      expect(Buffer.compare(result.stdout, input)).toBe(0);
    },
    patience(240_000),
  );

  it('ends with the command, although the other side keeps stdin open', async () => {
    const child = spawnCli(['run', '--rm', '-i', '--', 'head', '-n', '1'], { home: home.home });
    child.stdin.write('first\nsecond\n');
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    expect(output).toBe('first\n');
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  });

  it.each([
    ['SIGINT', 'INT'],
    ['SIGTERM', 'TERM'],
  ] as const)('forwards %s to the command, whose status is the result', async (signal, name) => {
    const script = `trap "echo caught; exit 3" ${name}; echo ready; while :; do sleep 0.1; done`;
    const child = spawnCli(['run', '--rm', '--', 'sh', '-c', script], { home: home.home });
    let output = '';
    for await (const chunk of child.stdout) {
      output += chunk;
      if (output === 'ready\n') child.kill(signal);
    }
    expect(output).toBe('ready\ncaught\n');
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(3);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s while the box is starting ends it and leaves nothing', async (signal) => {
    const child = spawnCli(['run', '--rm', '--', 'true'], { home: home.home });
    const exited = once(child, 'exit');
    await vmmOf(home.home);
    child.kill(signal);
    expect(await exited).toEqual([signal === 'SIGINT' ? 130 : 143, null]);
    expect(await boxes()).toEqual([]);
    await expectNothingLeft(home.home);
  });

  it('ends when the reader of its output goes away, as a local command does', async () => {
    const pipeline = `"$0" "$1" run --rm -- yes | head -c 100000 | wc -c; echo \${PIPESTATUS[0]}`;
    const shell = spawn('bash', ['-c', pipeline, process.execPath, CLI], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH ?? '', HOME: home.home, BOXLITE_HOME: home.home, ...VMM_ENVIRONMENT },
    });
    let output = '';
    for await (const chunk of shell.stdout) output += chunk;
    expect(output).toBe('100000\n141\n');
    expect(await boxes()).toEqual([]);
  });
});

/** Resolves when a VMM of the home runs: the supervisor writes the pid record right before. */
async function vmmOf(home: string): Promise<void> {
  const started = async () => {
    const [box] = await readdir(join(home, 'boxes'));
    return box !== undefined && (await readdir(join(home, 'boxes', box))).includes('shim.pid');
  };
  await expect
    .poll(() => started().catch(() => false), {
      timeout: patience(60_000),
      interval: 10,
    })
    .toBe(true);
}
