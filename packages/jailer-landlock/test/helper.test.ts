import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeBinary } from '@boxlite/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LANDLOCK_EXIT_STATUSES, type LandlockStep } from '../src/index.js';

const NATIVE = fileURLToPath(new URL('../native', import.meta.url));
const BUSYBOX = '/bin/busybox';
let work: string;
let sanitized: string;

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/boxlite-landlock-helper-');
  await chmod(work, 0o755);
  execFileSync('make', ['-s', '-C', NATIVE]);
  execFileSync('make', ['-s', '-C', NATIVE, 'test-sanitized', `BUILD=${work}`]);
  sanitized = join(work, 'boxlite-landlock-sanitized');
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** Runs the helper with rules on descriptor 6. */
async function run(
  args: readonly string[],
  rules: Uint8Array | string = '',
  helper = nativeBinary('boxlite-landlock'),
) {
  const file = join(work, 'rules');
  await writeFile(file, rules);
  const fd = openSync(file, 'r');
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', 'ignore', fd];
  const { status, signal, stdout, stderr } = spawnSync(helper, args, {
    env: { A: 'b' },
    stdio,
    encoding: 'utf8',
    cwd: '/',
  });
  closeSync(fd);
  return { status, signal, stdout, stderr };
}

const records = (...list: string[]) => list.map((rule) => `${rule}\0`).join('');
const GOOD = records(`x${BUSYBOX}`, 'd/dev/null');
const RUN = ['--rules', '6', '--', BUSYBOX];

describe('the Landlock helper', () => {
  it('becomes the command, with its arguments, environment and exit status', async () => {
    const args = [...RUN, 'sh', '-c', 'echo "$A $1 $2"; exit 7', 'sh', '--uid', ''];
    expect(await run(args, GOOD)).toEqual({ status: 7, signal: null, stdout: 'b --uid \n', stderr: '' });
  });

  it('tells the version of the kernel', async () => {
    expect((await run(['--version-of-kernel'])).stdout).toMatch(/^[1-9]\d*\n$/);
  });

  it('leaves its rules to nobody', async () => {
    const { stdout } = await run([...RUN, 'sh', '-c', '( : <&6 ) 2>/dev/null && echo open; echo end'], GOOD);
    expect(stdout).toBe('end\n');
  });

  it('does without paths that are not there', async () => {
    expect((await run([...RUN, 'true'], GOOD + records('w/not/there', `r${BUSYBOX}/below`))).status).toBe(0);
  });

  it.skipIf(process.geteuid?.() !== 0)('gives ids, for good, and takes the groups', async () => {
    const script = `${BUSYBOX} grep -E '^(Uid|Gid|Groups)' /proc/self/status`;
    const options = ['--drop-capabilities', '--gid', '1234', '--uid', '5678'];
    const { stdout } = await run(
      ['--rules', '6', ...options, '--', BUSYBOX, 'sh', '-c', script],
      GOOD + records('r/proc'),
    );
    expect(stdout).toBe('Uid:\t5678\t5678\t5678\t5678\nGid:\t1234\t1234\t1234\t1234\nGroups:\t \n');
  });

  it('takes rules through a pipe, too', () => {
    const command = `printf 'x${BUSYBOX}\\0' | ${nativeBinary('boxlite-landlock')} --rules 6 -- ${BUSYBOX} echo ran 6<&0`;
    expect(spawnSync('bash', ['-c', command], { encoding: 'utf8' }).stdout).toBe('ran\n');
  });
});

// Only root has ids to give up.
describe.skipIf(process.geteuid?.() !== 0)('the helper goes in the order', () => {
  it('bounding set, groups, gid, uid, capabilities, no_new_privs, Landlock, filter, exec (watched by strace)', async () => {
    const trace = join(work, 'trace');
    const calls = [
      'prctl',
      'capset',
      'setgroups',
      'setresgid',
      'setresuid',
      'landlock_restrict_self',
      'seccomp',
      'execve',
    ];
    const options = [
      '--drop-capabilities',
      '--gid',
      '1234',
      '--uid',
      '5678',
      '--unix-sockets-only',
      '--',
      BUSYBOX,
      'true',
    ];
    const helper = [nativeBinary('boxlite-landlock'), '--rules', '6', ...options];
    const { status, stderr } = await run(['-o', trace, '-e', `trace=${calls.join(',')}`, ...helper], GOOD, 'strace');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [, ...lines] = (await readFile(trace, 'utf8')).split('\n');
    const taken = lines
      .filter((line) => /\)\s+= 0$/.test(line))
      .map((line) => line.replace(/^prctl\((\w+).*/, '$1').replace(/\(.*/, ''));
    expect([...new Set(taken.slice(0, taken.indexOf('execve') + 1))]).toEqual(
      [
        'PR_CAPBSET_DROP',
        'setgroups',
        'setresgid',
        'setresuid',
        'PR_CAP_AMBIENT',
        'capset',
        'PR_SET_NO_NEW_PRIVS',
      ].concat(['landlock_restrict_self', 'seccomp', 'execve']),
    );
  });
});

describe('a step of the helper that fails ends the start with its name and its own status', () => {
  it.each<[LandlockStep, string[], string?]>([
    ['exec', ['--rules', '6', '--', '/not/there']],
    ['exec', ['--rules', '6', '--', '/bin/ls'], GOOD],
    ['data', ['--rules', '77', '--', BUSYBOX]],
    ['data', RUN, records('z/etc')],
    ['data', RUN, records('xrelative')],
    ['data', RUN, records('x')],
    ['data', RUN, records('')],
    ['data', RUN, 'x/etc'],
    ['data', RUN, records('x1:/etc')],
    ['data', RUN, records('x1:2:etc')],
    ['data', RUN, records('x1:99999999999999999999:/etc')],
    ['identity', RUN, records('x1:1:/etc')],
    ['identity', RUN, records('x1:1:/not/there')],
    ['arguments', []],
    ['arguments', ['--rules', '6']],
    ['arguments', ['--rules', '6', '--']],
    ['arguments', ['--rules', '6', '--', '']],
    ['arguments', ['--', BUSYBOX]],
    ['arguments', ['--rules', '2', '--', BUSYBOX]],
    ['arguments', ['--rules', '65536', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--rules', '7', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--no-tcp', '--no-tcp', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--at-most', '0', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--uid', '4294967295', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--gid', '01', '--', BUSYBOX]],
    ['arguments', ['--rules', '6', '--gid']],
    ['arguments', ['--rules', '6', '--unknown', '--', BUSYBOX]],
    ['arguments', ['--version-of-kernel', 'x']],
  ])('%s: %j %j', async (step, args, rules = GOOD) => {
    const result = await run(args, rules);
    expect(result).toMatchObject({ status: LANDLOCK_EXIT_STATUSES[step], stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^boxlite-landlock: ${step}: .*\\n$`));
  });

  it('data, for more rules than it takes', async () => {
    const rules = Buffer.from(records(`x/${'y'.repeat(1000)}`))
      .toString()
      .repeat(1100);
    expect(await run(RUN, rules)).toMatchObject({ status: LANDLOCK_EXIT_STATUSES.data, stdout: '' });
  });

  it.skipIf(process.geteuid?.() !== 0)('uid and gid, for a user who may not change them', () => {
    for (const step of ['uid', 'gid'] as const) {
      const helper = [nativeBinary('boxlite-landlock'), '--rules', '6', `--${step}`, '1', '--', BUSYBOX];
      const command = `printf '' | runuser -u nobody -- ${helper.join(' ')} 6<&0`;
      const result = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
      expect(result.stderr).toContain(`boxlite-landlock: ${step}: `);
      expect(result.status).toBe(LANDLOCK_EXIT_STATUSES[step]);
    }
  });
});

describe('the helper under address and undefined-behaviour sanitizers', () => {
  it('parses, restricts and runs without a finding', async () => {
    const options = ['--no-tcp', '--audit', '--drop-capabilities', '--unix-sockets-only'];
    const result = await run(
      ['--rules', '6', ...options, '--', BUSYBOX, 'echo', 'ran'],
      GOOD + records('x/'),
      sanitized,
    );
    expect(result).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
  });

  it('survives damaged rules: it runs the command or names the step', async () => {
    let seed = 11;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    const good = Buffer.from(records(`x${BUSYBOX}`, 'r1:2:/etc', 'd/dev/null', 'x/usr/lib'));
    const known: readonly number[] = [0, ...Object.values(LANDLOCK_EXIT_STATUSES)];
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(good.subarray(0, random(good.length + 1)));
      if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
      const result = await run([...RUN, 'true'], bytes, sanitized);
      expect(known, `round ${round}: ${result.stderr}`).toContain(result.status);
      expect(result.stderr).not.toContain('Sanitizer');
    }
  });
});
