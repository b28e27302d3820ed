import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { SHIM_CONFIG_MAX_BYTES, shimConfig } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, fixtureWithout } from './support/native-build.js';

let shim: string;
let fixture: string;
let directory: string;
beforeAll(() => {
  shim = `${buildNative('shim')}boxlite-krun-shim`;
  fixture = `${buildNative('fixtures')}fixture-libkrun.so`;
  directory = mkdtempSync(join(tmpdir(), 'boxlite-shim-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const machine: VmmSpec = {
  boxId: 'box',
  vcpus: 2,
  memoryMib: 256,
  kernel: '/end/clean',
  commandLine: ['root=/dev/vdb', 'ro'],
  disks: [
    { path: '/disks/a b.qcow2', format: 'qcow2', readOnly: false },
    { path: '/disks/ü.ext4', format: 'raw', readOnly: true },
  ],
  shares: [{ tag: 'uservol0', hostPath: '/srv/data', readOnly: true }],
  nics: [{ socketPath: '/run/net.sock', macAddress: '02:Aa:00:00:00:01' }],
  agentSocket: '/run/box.sock',
};

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runShim(input: string | Uint8Array, args: readonly string[] = []): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(shim, args, { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    // EPIPE: it has seen enough.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** The document of a machine, changed as text or as an object. */
function document(change: Record<string, unknown> = {}, library = fixture): string {
  const bytes = shimConfig(machine, { library, logLevel: 'warn', tsi: false });
  return JSON.stringify({ ...JSON.parse(Buffer.from(bytes).toString()), ...change });
}

describe('the shim', () => {
  it('tells libkrun the machine in the order of the recipe: formats explicit, no TSI, the guest dials, console on stdout', async () => {
    const { code, stdout, stderr } = await runShim(document());
    expect(stderr.trimEnd().split('\n')).toEqual([
      'init_log level=2 style=2 options=1',
      'create_ctx',
      'set_vm_config 7 2 256',
      'set_kernel 7 /end/clean 1 - [console=hvc0 reboot=k panic=-1 quiet nomodule no-kvmapf root=/dev/vdb ro]',
      'add_disk2 7 disk0 /disks/a b.qcow2 1 0',
      'add_disk2 7 disk1 /disks/ü.ext4 0 1',
      'add_virtiofs3 7 uservol0 /srv/data 0 1',
      'disable_implicit_vsock 7',
      'add_vsock 7 0',
      'add_vsock_port2 7 2695 /run/box.sock 0',
      'add_net_unixstream 7 /run/net.sock -1 02:aa:00:00:00:01 19587 0',
      'set_console_output 7',
      'start_enter 7, stdin ends: 1',
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello from the guest\n' });
  });

  it('gives the guest the network of the host through its sockets only when asked to', async () => {
    expect((await runShim(document({ tsi: true }))).stderr).toContain('add_vsock 7 1\n');
  });

  it('uses the older function for a read-only share only when the host enforces it', async () => {
    const old = fixtureWithout(join(directory, 'old.so'), 'READ_ONLY_SHARES');
    const share = { tag: 'v', path: '/srv', readOnly: true };
    const enforced = await runShim(document({ shares: [{ ...share, hostEnforced: true }] }, old));
    expect(enforced.stderr).toContain('add_virtiofs 7 v /srv\n');
    const refused = await runShim(document({ shares: [{ ...share, hostEnforced: false }] }, old));
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^boxlite-krun-shim: .* has no krun_add_virtiofs3, which serves read-only shares/),
    });
  });

  it.each([
    ['DISKS', 'krun_add_disk2', { disks: [] }],
    ['NICS', 'krun_add_net_unixstream', { nics: [] }],
  ])(
    'refuses a library without %s by name and feature, and runs what does not need them',
    async (name, symbol, without) => {
      const lacking = fixtureWithout(join(directory, `${name}.so`), name);
      const refused = await runShim(document({}, lacking));
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain(`has no ${symbol}, which serves`);
      expect(refused.stderr).not.toContain('create_ctx');
      expect((await runShim(document(without, lacking))).code).toBe(0);
    },
  );

  it('refuses a library that cannot keep TSI off, whatever the machine', async () => {
    const lacking = fixtureWithout(join(directory, 'vsock.so'), 'PLAIN_VSOCK');
    const { code, stderr } = await runShim(document({ nics: [] }, lacking));
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('krun_disable_implicit_vsock') });
  });

  it('says which library cannot be loaded and why', async () => {
    const missing = await runShim(document({}, '/nonexistent/libkrun.so.1'));
    expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining('/nonexistent/libkrun.so.1') });
    const noLibrary = join(directory, 'text.so');
    writeFileSync(noLibrary, 'not a library');
    expect(await runShim(document({}, noLibrary))).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(noLibrary),
    });
  });

  it('names the call libkrun refused and the error', async () => {
    expect(await runShim(document({ kernel: '/end/refused' }))).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('krun_set_kernel(/end/refused) failed: Invalid argument (EINVAL)'),
    });
  });

  it('leaves the last word to the log of libkrun when the machine cannot be built, unless that is off', async () => {
    const logged = await runShim(document({ kernel: '/end/other' }));
    expect(logged).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/\[ERROR krun\] Building the microVM failed\n$/),
    });
    const silent = await runShim(document({ kernel: '/end/other', logLevel: 'off' }));
    expect(silent).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/krun_start_enter\(with its log off\) failed: No such device \(ENODEV\)\n$/),
    });
  });
});

describe('the configuration of the shim', () => {
  const refused: readonly [string, Record<string, unknown>][] = [
    ['oops is no known field', { oops: 1 }],
    ['vcpus expected a whole number', { vcpus: '2' }],
    ['vcpus expected a whole number', { vcpus: 1.5 }],
    ['vcpus is out of range', { vcpus: 256 }],
    ['version is out of range', { version: 2 }],
    ['kernel is missing', { kernel: undefined }],
    ['kernel is not an absolute path', { kernel: 'vmlinux' }],
    ['kernel a NUL in a string', { kernel: '/a\0b' }],
    ['kernel is too long', { kernel: `/${'k'.repeat(4095)}` }],
    ['commandLine has characters other than printable ASCII', { commandLine: 'a\nb' }],
    ['commandLine is too long', { commandLine: 'x'.repeat(2048) }],
    ['logLevel is none of the known values', { logLevel: 'loud' }],
    ['disks[1].format is none of the known values', { disks: [disk(), { ...disk(), format: 'vmdk' }] }],
    ['disks[0].sync is no known field', { disks: [{ ...disk(), sync: true }] }],
    ['disks[0].readOnly expected true or false', { disks: [{ ...disk(), readOnly: 1 }] }],
    ['disks[32] is one too many', { disks: Array.from({ length: 33 }, disk) }],
    ['shares[1].tag is the tag of another share', { shares: [share(), share()] }],
    ['shares[0].tag is too long', { shares: [{ ...share(), tag: 't'.repeat(37) }] }],
    ['nics[0].mac is no unicast MAC address', { nics: [{ socket: '/n', mac: '03:00:00:00:00:01' }] }],
    ['nics[0].mac is no unicast MAC address', { nics: [{ socket: '/n', mac: '02:00:00:00:00-01' }] }],
    ['nics[0].socket is too long', { nics: [{ socket: `/${'n'.repeat(107)}`, mac: '02:00:00:00:00:01' }] }],
    ['agent.port is out of range', { agent: { port: 0, socket: '/a' } }],
    ['agent.socket is missing', { agent: { port: 1 } }],
    ['agent the document is not well-formed', { agent: [] }],
  ];
  it.each(refused)('is refused with one line that names the field: %s', async (line, change) => {
    const { code, stdout, stderr } = await runShim(document(change));
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: `boxlite-krun-shim: config: ${line}\n` });
  });

  it.each([
    ['twice', '{"vcpus":1,"vcpus":1}', 'vcpus is there twice'],
    ['no object', '[]', 'the document is not well-formed'],
    ['nothing', '', 'the document ends early'],
    ['half', '{"vcpus":1', 'the document ends early'],
    ['a trailing comma', '{"vcpus":1,}', 'expected a string'],
    ['half a character', '{"kernel":"\\ud800"}', 'kernel half a surrogate pair in a string'],
  ])('is refused when it is %s', async (_what, text, line) => {
    expect(await runShim(text)).toMatchObject({ code: 2, stderr: `boxlite-krun-shim: config: ${line}\n` });
  });

  it('is refused when something follows it, when it is not UTF-8, and when it is too large', async () => {
    expect(await runShim(`${document()} x`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('something follows'),
    });
    const bytes = Buffer.from(document({ kernel: '/kernel?' }));
    bytes[bytes.indexOf('?')] = 0xff;
    expect(await runShim(bytes)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('kernel a string that is not UTF-8'),
    });
    const large = await runShim(padded(SHIM_CONFIG_MAX_BYTES + 1));
    expect(large).toMatchObject({ code: 2, stderr: expect.stringContaining('larger than 65536 bytes') });
    expect((await runShim(padded(SHIM_CONFIG_MAX_BYTES))).code).toBe(0);
  });

  it('is never taken from the command line, and what it names cannot write a second line', async () => {
    expect(await runShim('', ['--kernel=/k'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('takes no arguments'),
    });
    const { stderr } = await runShim('{"a\\nb\\u001b[2J":1}');
    expect(stderr).toBe('boxlite-krun-shim: config: a?b?[2J is no known field\n');
  });

  it.each([1, 2, 3])('is parsed without a fault whatever it holds, under the sanitizers (seed %d)', (seed) => {
    const program = `${buildNative('sanitized')}parser-sanitized`;
    const file = join(directory, `document-${seed}`);
    writeFileSync(file, document());
    expect(execFileSync(program, [String(seed), '20000', file], { encoding: 'utf8' })).toMatch(/^\d+ accepted\n$/);
  });
});

describe('a crash of libkrun', () => {
  it.each([
    ['segv', 'SIGSEGV', 'SIGSEGV at address 0x10 in thread boxlite-krun-sh'],
    ['abort', 'SIGABRT', 'SIGABRT in thread boxlite-krun-sh'],
    ['bus', 'SIGBUS', 'SIGBUS at address 0x'],
    ['ill', 'SIGILL', 'SIGILL at address 0x'],
    ['fpe', 'SIGFPE', 'SIGFPE at address 0x'],
  ])('by %s is one line on stderr, and the wait status shows the signal', async (name, signal, line) => {
    const ended = await runShim(document({ kernel: `/end/${name}` }));
    expect(ended.stderr.trimEnd().split('\n').at(-1)).toContain(`boxlite-krun-shim: crash: ${line}`);
    expect(ended.signal).toBe(signal);
  });

  it('by a panic in any thread ends the machine, with the message of the panic before the crash', async () => {
    const ended = await runShim(document({ kernel: '/end/panic' }));
    expect(ended.signal).toBe('SIGABRT');
    expect(ended.stderr).toContain("thread 'fc_vcpu 0' panicked at src/vmm/src/vstate.rs:1:2:\nno such register\n");
    expect(ended.stderr).not.toContain('unwinding');
    expect(ended.stderr).toContain('crash: SIGABRT');
  });
});

/** A document of so many bytes. */
function padded(bytes: number): string {
  const text = document();
  return text + ' '.repeat(bytes - Buffer.byteLength(text));
}

function disk() {
  return { path: '/d', format: 'raw', readOnly: true };
}

function share() {
  return { tag: 't', path: '/s', readOnly: false, hostEnforced: false };
}
