import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askCredentialHelper } from './credential-helper.js';

const SERVER = 'registry.example:5000';

/** A helper named `test`, as a shell script, and a question to it. */
async function helper(script: string) {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-helper-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const bin = join(directory, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'docker-credential-test'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HERE: directory };
  const ask = (options: Partial<Parameters<typeof askCredentialHelper>[0]> = {}) =>
    askCredentialHelper({ helper: 'test', server: SERVER, environment, ...options });
  return { directory, ask };
}

const answer = (fields: object) => `cat >/dev/null; echo '${JSON.stringify(fields)}'`;

describe('a credential helper', () => {
  it('is run with "get" and the registry on its input, and its answer becomes credentials', async () => {
    const { directory, ask } = await helper(
      `printf '%s' "$*" >$HERE/args; cat >$HERE/input; echo '{"ServerURL":"x","Username":"ann","Secret":"s3cret"}'`,
    );
    const credentials = await ask();
    expect(credentials?.basicHeader()).toBe(`Basic ${Buffer.from('ann:s3cret').toString('base64')}`);
    expect(await readFile(join(directory, 'args'), 'utf8')).toBe('get');
    expect(await readFile(join(directory, 'input'), 'utf8')).toBe(SERVER);
  });

  it('that answers for the user <token> gives a refresh token', async () => {
    const { ask } = await helper(answer({ Username: '<token>', Secret: 'refresh' }));
    const credentials = await ask();
    expect([credentials?.refreshToken(), credentials?.basicHeader()]).toEqual(['refresh', undefined]);
  });

  it('that knows nothing of the registry gives none', async () => {
    const { ask } = await helper('cat >/dev/null; echo "credentials not found in native keychain"; exit 1');
    expect(await ask()).toBeUndefined();
    expect(await (await helper(answer({ Username: '', Secret: '' }))).ask()).toBeUndefined();
  });

  it('that need not be told anything may end without reading', async () => {
    const { ask } = await helper(`echo '{"Username":"ann","Secret":"x"}'`);
    expect(await ask({ server: `${'a'.repeat(200_000)}` })).toBeDefined();
  });

  it.each([
    ['says what failed', 'echo "the key ring is locked"; exit 1', /failed with status 1: the key ring is locked$/],
    ['says it on its error output', 'echo "no \u001b[31mbus" >&2; exit 3', /failed with status 3: no \\x1b\[31mbus$/],
    ['says nothing', 'exit 9', /failed with status 9$/],
    ['is killed', 'kill -KILL $$', /was killed$/],
    ['answers with something else', 'echo s3cret', /does not answer with/],
    ['answers with half of it', `echo '{"Username":"ann"}'`, /does not answer with/],
    ['answers with a list', `echo '["s3cret"]'`, /does not answer with/],
    [
      'answers with a header of its own',
      `printf '{"Username":"ann","Secret":"s3cret\\\\r\\\\nX: y"}'`,
      /does not answer with/,
    ],
    ['answers and fails', `echo '{"Username":"ann","Secret":"s3cret"}'; exit 1`, /failed with status 1$/],
    ['tells its secret and fails', `echo 'secret: s3cret'; exit 1`, /failed with status 1$/],
  ])('that %s is a config_error with a remedy, and no secret', async (_title, script, message) => {
    const { ask } = await helper(script);
    const failure = await ask().catch((reason: unknown) => reason);
    expect(failure).toMatchObject({
      code: 'config_error',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/docker-credential-test|credsStore/),
    });
    expect(inspect(failure, { depth: 20 })).not.toContain('s3cret');
  });

  it('that is not installed, or no program, is a config_error that says so', async () => {
    const { ask, directory } = await helper('');
    await expect(ask({ helper: 'none-such' })).rejects.toMatchObject({
      code: 'config_error',
      message: 'credential helper docker-credential-none-such is not in PATH',
      hint: 'install docker-credential-none-such, or take it out of credsStore and credHelpers',
    });
    await writeFile(join(directory, 'bin/docker-credential-data'), 'x', { mode: 0o644 });
    await expect(ask({ helper: 'data' })).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('EACCES'),
    });
  });

  it('is never looked for under a name that is a path or an option', async () => {
    const { ask } = await helper('touch $HERE/ran');
    for (const name of ['../test', '/bin/sh', '-x', 'a b', '']) {
      await expect(ask({ helper: name })).rejects.toMatchObject({ code: 'config_error' });
    }
  });

  it('that talks without end is ended', async () => {
    const { ask } = await helper('yes');
    await expect(ask()).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('without end'),
    });
  });

  it('that takes too long is ended with everything it started', async () => {
    const { ask, directory } = await helper('sleep 1000 & echo $! >$HERE/pid; wait');
    await expect(ask({ timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('1 s'),
    });
    await expectGone(Number(await readFile(join(directory, 'pid'), 'utf8')));
  });

  it('is ended when who asked gives up', async () => {
    const { ask, directory } = await helper('echo $$ >$HERE/pid; sleep 1000');
    const controller = new AbortController();
    const asked = ask({ signal: controller.signal });
    const refused = expect(asked).rejects.toMatchObject({ code: 'aborted' });
    await untilReadable(join(directory, 'pid'));
    controller.abort();
    await refused;
    await expectGone(Number(await readFile(join(directory, 'pid'), 'utf8')));
    await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('whose leftovers keep its output open is waited for no longer than its time', async () => {
    const { ask, directory } = await helper(`sleep 1000 & echo $! >$HERE/pid; echo '{"Username":"ann","Secret":"x"}'`);
    expect(await ask({ timeoutMs: 1000 })).toBeDefined();
    await expectGone(Number(await readFile(join(directory, 'pid'), 'utf8')));
  });
});

async function untilReadable(path: string): Promise<void> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A killed process is gone once it was reaped, or is a zombie until then. */
async function expectGone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(0);
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone) Z');
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
