import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Jail, VmmHost, VmmSpec } from '@boxlite/core';
import { createLibkrunVmm, type LibkrunLibrary, type LibkrunVmmOptions } from '@boxlite/vmm-libkrun';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SYMBOLS = [
  'krun_create_ctx',
  'krun_set_vm_config',
  'krun_set_kernel',
  'krun_add_disk2',
  'krun_disable_implicit_vsock',
  'krun_add_vsock',
  'krun_add_vsock_port2',
  'krun_set_console_output',
  'krun_start_enter',
];
const library: LibkrunLibrary = {
  path: '/opt/libkrun.so.1.17.4',
  version: '1.17.4',
  symbols: new Set(SYMBOLS),
  hasFeature: () => undefined,
  maxVcpus: 8,
};
const hardware = { kvm: async () => ({ state: 'usable', apiVersion: 12 }) as const };
const handler = (more: Partial<LibkrunVmmOptions> = {}) =>
  createLibkrunVmm({ hardware, library, shimPath: '/opt/shim', ...more });

let directory: string;
let spec: VmmSpec;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'boxlite-krun-'));
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  spec = {
    boxId: 'box',
    vcpus: 1,
    memoryMib: 128,
    kernel: file('kernel', 'kernel'),
    commandLine: [],
    disks: [{ path: file('disk', Buffer.from('QFI\u00fb', 'latin1')), format: 'qcow2', readOnly: false }],
    shares: [],
    nics: [],
    agentSocket: '/run/box.sock',
  };
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A host that may not be used: nothing is to be prepared or spawned. */
function untouchableHost(): VmmHost {
  const touched = () => {
    throw new Error('the host was touched');
  };
  return { jail: { prepare: touched } as unknown as Jail, supervisor: { launch: touched } } as unknown as VmmHost;
}

describe('what a machine of libkrun runs', () => {
  it('is the shim and the library, and only /dev/kvm, for a box without a directory of its own', async () => {
    const { seccompPolicy, seccompSwitches, ...seen } = await handler().requirements(spec);
    expect(seccompPolicy).toMatch(/^policy libkrun-shim$/m);
    expect(seccompSwitches).toEqual([]);
    expect(seen).toEqual({
      paths: [
        { path: '/opt/shim', writable: false },
        { path: '/opt/libkrun.so.1.17.4', writable: false },
      ],
      devices: ['/dev/kvm'],
    });
    const { binary, args, env, stdin, listeners } = handler().command(spec);
    expect({ binary, args, env, listeners }).toEqual({ binary: '/opt/shim', args: [], env: {}, listeners: [] });
    expect(JSON.parse(Buffer.from(stdin ?? []).toString()).library).toBe('/opt/libkrun.so.1.17.4');
  });

  it('are copies in the directory of a box that has one, and command names those', async () => {
    const own = { ...spec, binDir: '/boxes/a/bin' };
    expect(await handler().requirements(own)).toMatchObject({
      paths: [],
      devices: ['/dev/kvm'],
      copies: [
        { from: '/opt/shim', name: 'boxlite-krun-shim' },
        { from: '/opt/libkrun.so.1.17.4', name: 'libkrun.so.1' },
      ],
    });
    const { binary, stdin } = handler().command(own);
    expect(binary).toBe('/boxes/a/bin/boxlite-krun-shim');
    expect(JSON.parse(Buffer.from(stdin ?? []).toString()).library).toBe('/boxes/a/bin/libkrun.so.1');
  });

  it("has the host's network only with TSI", async () => {
    expect((await handler().requirements(spec)).hostNetwork).toBeUndefined();
    expect((await handler({ tsi: true }).requirements(spec)).hostNetwork).toBe(true);
  });

  it('gets nothing of the spec on its command line or in its environment, and no TSI unless asked', () => {
    const told = (options: Partial<LibkrunVmmOptions>) =>
      JSON.parse(Buffer.from(handler(options).command(spec).stdin ?? []).toString());
    expect(told({})).toMatchObject({ tsi: false, logLevel: 'warn' });
    expect(told({ tsi: true, logLevel: 'debug' })).toMatchObject({ tsi: true, logLevel: 'debug' });
  });
});

describe('a machine libkrun cannot run is refused before anything is prepared or spawned', () => {
  const readOnlyShare = [{ tag: 't', hostPath: '/tmp', readOnly: true }];
  it.each<[string, string, Partial<VmmSpec>]>([
    ['unsupported', 'vcpus', { vcpus: 17 }],
    ['unsupported', 'vcpus', { vcpus: 9 }],
    ['unsupported', 'shares[0].readOnly', { shares: readOnlyShare }],
    ['not_found', 'kernel', { kernel: '/nonexistent/kernel' }],
    ['not_found', 'disks[0].path', { disks: [{ path: '/nonexistent/disk', format: 'raw', readOnly: true }] }],
  ])('%s: %s', async (code, field, change) => {
    const start = handler().start({ ...spec, ...change }, untouchableHost());
    await expect(start).rejects.toMatchObject({ code, details: { field }, hint: expect.any(String) });
  });

  it('a raw disk given as qcow2 is one that is not of its format', async () => {
    const path = join(directory, 'kernel');
    const start = handler().start({ ...spec, disks: [{ path, format: 'qcow2', readOnly: true }] }, untouchableHost());
    await expect(start).rejects.toMatchObject({ code: 'vmm_failed', message: expect.stringContaining('qcow2') });
  });

  it('a share where no directory is any more: a pipe in its place does not hold the process up', async () => {
    const sharing = handler({ library: { ...library, symbols: new Set([...SYMBOLS, 'krun_add_virtiofs']) } });
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // The plain file first: a check that opens it would wait for ever at the pipe.
    for (const hostPath of [join(directory, 'kernel'), pipe]) {
      const start = sharing.start({ ...spec, shares: [{ tag: 't', hostPath, readOnly: false }] }, untouchableHost());
      await expect(start).rejects.toMatchObject({ code: 'not_found', details: { field: 'shares[0].hostPath' } });
    }
  });

  it('anything, where KVM is not usable, with what to do about it', async () => {
    const none = { kvm: async () => ({ state: 'missing', reason: 'no /dev/kvm', remedy: 'modprobe kvm' }) as const };
    const start = handler({ hardware: none }).start(spec, untouchableHost());
    await expect(start).rejects.toMatchObject({ code: 'vmm_unavailable', hint: 'modprobe kvm' });
  });

  it('an aborted start touches nothing', async () => {
    const start = handler().start(spec, untouchableHost(), AbortSignal.abort());
    await expect(start).rejects.toMatchObject({ code: 'aborted' });
  });

  it('a handler that knows no library yet cannot name it in a command, and says how to', () => {
    const unknown = createLibkrunVmm({ hardware, shimPath: '/opt/shim' });
    expect(() => unknown.command(spec)).toThrow(
      expect.objectContaining({ code: 'invalid_state', hint: expect.stringContaining('requirements') }),
    );
    unknown.check(spec);
  });
});
