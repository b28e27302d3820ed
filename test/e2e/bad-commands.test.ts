import { join } from 'node:path';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure-of.js';
import { busyboxImage, NOT_EXECUTABLE_PATH } from '../support/oci-fixtures.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
let boxlite: Boxlite;
let box: Box;

beforeAll(async () => {
  home = await temporaryHome();
  const image = busyboxImage(join(home.home, 'image')).reference;
  boxlite = await Boxlite.open({ homeDir: home.home });
  box = await boxlite.create({ image, name: 'commands' });
  await box.start();
});

afterAll(async () => {
  await boxlite.remove(box.id, { force: true });
  await boxlite.shutdown();
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });

describe('a command', () => {
  it.each([
    ['that is not in the PATH', 'command_not_found', 127, 'no-such-command', {}],
    ['that is a missing file', 'command_not_found', 127, '/no/such/file', {}],
    ['that is not executable', 'command_not_executable', 126, NOT_EXECUTABLE_PATH, {}],
    ['that is a directory', 'command_not_executable', 126, '/etc', {}],
    ['of an unknown user', 'user_not_found', 126, 'true', { user: 'nosuchuser' }],
    ['of an unknown group', 'user_not_found', 126, 'true', { user: 'app:nosuchgroup' }],
    ['in a missing directory', 'cwd_not_found', 126, 'true', { cwd: '/no/such/directory' }],
    ['in a directory that is a file', 'cwd_not_found', 126, 'true', { cwd: '/etc/passwd' }],
  ] as const)('%s fails with %s and %i of boxlite exec', async (_what, code, status, command, options) => {
    const thrown = await failureOf(box.exec(command, [], options));
    expect(thrown.code).toBe(code);
    for (const value of Object.values(options)) expect(thrown.message).toContain(value);
    expect(thrown.message).toContain(command);
    const flags = 'user' in options ? ['-u', options.user] : 'cwd' in options ? ['-w', options.cwd] : [];
    const result = await cli('exec', ...flags, 'commands', command);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(/^boxlite: .+\n {2}hint: .+\n$/);
    expect((await box.run('true')).exitCode).toBe(0);
  });

  it.each([
    ['env.', { env: { '': 'x' } }],
    ['cwd', { cwd: 'relative' }],
    ['user', { user: 'x'.repeat(300) }],
    ['tty.rows', { tty: { rows: 0, columns: 80 } }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['workdir', { workdir: '/' }],
  ])('with a wrong option is refused by its path: %s', async (field, options) => {
    const thrown = await failureOf(box.exec('true', [], options as object));
    expect(thrown).toMatchObject({ code: 'invalid_argument', details: { field } });
  });

  it.each([
    ['an empty command', 'command', () => box.exec('')],
    ['NUL in the command', 'command', () => box.exec('a\0b')],
    ['NUL in an argument', 'args.1', () => box.exec('echo', ['a', 'b\0c'])],
  ])('is refused with %s', async (_what, field, run) => {
    expect(await failureOf(run())).toMatchObject({ code: 'invalid_argument', details: { field } });
  });

  it('that is too long for the kernel is refused, and the box lives on', async () => {
    const argument = 'x'.repeat(300_000);
    const thrown = await failureOf(box.exec('echo', [argument]));
    expect(thrown).toMatchObject({ code: 'invalid_argument', details: { field: 'command' } });
    expect(thrown.message.length).toBeLessThan(1000);
    expect((await box.run('true')).exitCode).toBe(0);
  });

  it('that writes more than may be collected is killed', async () => {
    const thrown = await failureOf(box.run('yes', [], { maxOutputBytes: 1_000_000 }));
    expect(thrown).toMatchObject({ code: 'resource_exhausted', details: { field: 'maxOutputBytes' } });
    const { stdout } = await box.run('ps');
    expect(Buffer.from(stdout).toString()).not.toMatch(/\byes$/m);
  });

  it('that closes its stdin early is taken as it is', async () => {
    const input = Buffer.alloc(2_000_000);
    const result = await box.run('sh', ['-c', 'exec <&-; sleep 0.3; echo done'], { input });
    expect([result.exitCode, Buffer.from(result.stdout).toString()]).toEqual([0, 'done\n']);
  });

  it('that is aborted is killed', async () => {
    const abort = new AbortController();
    const running = failureOf(box.run('sh', ['-c', 'touch /tmp/runs; exec sleep 4321'], { signal: abort.signal }));
    await box.run('sh', ['-c', 'while [ ! -e /tmp/runs ]; do sleep 0.1; done']);
    abort.abort();
    expect((await running).code).toBe('aborted');
    await box.run('sh', ['-c', 'while ps | grep -q "[s]leep 4321"; do sleep 0.1; done']);
  });

  it('that runs out of its time is ended and says so', async () => {
    expect(await box.run('sleep', ['1000'], { timeoutMs: 200 })).toMatchObject({ exitCode: 143, timedOut: true });
  });
});

describe('a box whose own user or directory does not exist', () => {
  it.each([
    ['-u', 'nosuchuser'],
    ['-w', '/no/such/directory'],
  ])('gives 126 of boxlite run %s %s and is removed with --rm', async (...flags) => {
    const result = await cli('run', '--rm', ...flags, '--', 'true');
    expect(result.status).toBe(126);
    expect(result.stderr).toContain(flags[1]);
    expect((await boxlite.list()).map(({ id }) => id)).toEqual([box.id]);
  });
});
