import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Sandbox } from '@boxlite/core';
import { type ConfinedRequest, runConfined } from '@boxlite/core/spawn';
import { createCompositeSandbox } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../packages/', import.meta.url));
const PYTHON = '/usr/bin/python3';
const NOBODY = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
const hasPython = await access(PYTHON).then(
  () => true,
  () => false,
);

const sandboxes: [string, () => Sandbox][] = [
  ['bubblewrap', () => createBwrapSandbox()],
  ['Landlock', () => createLandlockSandbox()],
  ['bubblewrap with Landlock inside', () => createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()])],
];

let server: Server;
let port: number;
let work: string;
beforeAll(async () => {
  server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  work = await mkdtemp('/var/tmp/boxlite-alone-');
  await promisify(execFile)('chmod', ['777', work]);
});
afterAll(async () => {
  server.close();
  await rm(work, { recursive: true, force: true });
});

describe.each(sandboxes)('%s confines any command without the SDK and a supervisor', (_name, create) => {
  const run = (request: ConfinedRequest, options = {}) => runConfined(create(), request, { ...NOBODY, ...options });

  it('node with one writable directory and no network', async () => {
    const program = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const [work, port] = process.argv.slice(1);
      const attempt = (what, action) => { try { action(); console.log(what, 'done'); } catch { console.log(what, 'refused'); } };
      attempt('inside', () => writeFileSync(work + '/from-node', 'hello'));
      attempt('outside', () => writeFileSync(work + '-outside', 'hello'));
      attempt('password file', () => readFileSync('/etc/passwd'));
      require('node:net').connect(port, '127.0.0.1').on('connect', () => process.exit(9)).on('error', () => console.log('connect refused'));`;
    const command = [process.execPath, '-e', program, work, String(port)] as const;
    const { code, stdout, stderr } = await run({ command, writable: [work] });
    expect(stderr).toBe('');
    expect(stdout).toBe('inside done\noutside refused\npassword file refused\nconnect refused\n');
    expect(code).toBe(0);
    expect(await readFile(join(work, 'from-node'), 'utf8')).toBe('hello');
    await rm(join(work, 'from-node'));
  });

  // Debian has it; a minimal image may not.
  it.skipIf(!hasPython)('python3, also with a network where that was asked for', async () => {
    const program = [
      'import socket, sys',
      'def attempt(what, action):',
      '    try: action(); print(what, "done")',
      '    except OSError: print(what, "refused")',
      'attempt("inside", lambda: open(sys.argv[1] + "/from-python", "w").write("hello"))',
      'attempt("outside", lambda: open(sys.argv[1] + "-outside", "w"))',
      'attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2]))))',
      'attempt("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 53)))',
    ].join('\n');
    const command = [PYTHON, '-c', program, work, String(port)] as const;
    const without = await run({ command, writable: [work] });
    expect(without.stderr).toBe('');
    expect(without.stdout).toBe('inside done\noutside refused\nconnect refused\ndatagram refused\n');
    const withNetwork = await run({ command, writable: [work], network: true });
    expect(withNetwork.stdout).toContain('connect done');
    await rm(join(work, 'from-python'));
  });

  it('with input, exit status, environment, and nothing inherited', async () => {
    const script =
      'cat; echo " $A"; for fd in 3 4 5 6 7 8 9 10 11; do ( : <&$fd ) 2>/dev/null && echo open $fd; done; exit 3';
    const result = await run({ command: ['sh', '-c', script], env: { A: 'b' } }, { stdin: 'input' });
    expect(result).toMatchObject({ code: 3, stdout: 'input b\n' });
  });

  it('and ends it when it is aborted', async () => {
    const signal = AbortSignal.timeout(200);
    await expect(run({ command: ['sleep', '1000'] }, { signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('with limits of the process', async () => {
    const { stdout } = await run({ command: ['sh', '-c', 'ulimit -n; ulimit -c'], limits: { maxOpenFiles: 64 } });
    expect(stdout).toBe('64\n0\n');
  });
});

describe('the README example of a sandbox package shows that what is outside stays outside', () => {
  it.each(['jailer-bwrap', 'jailer-landlock'])('%s', async (name) => {
    const readme = await readFile(join(PACKAGES, name, 'README.md'), 'utf8');
    const example = /^```js\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
    const directory = await mkdtemp(join(tmpdir(), 'boxlite-alone-readme-'));
    const scope = join(directory, 'node_modules', '@boxlite');
    await mkdir(scope, { recursive: true });
    for (const each of await readdir(PACKAGES)) await symlink(join(PACKAGES, each), join(scope, each));
    await writeFile(join(directory, 'example.mjs'), example);
    const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'example.mjs')]);
    await rm(directory, { recursive: true });
    expect(stdout).toMatch(/^0 write inside: done\nwrite outside: E\w+\nread \/etc\/passwd: E\w+\nconnect: E\w+\n/);
  });
});
