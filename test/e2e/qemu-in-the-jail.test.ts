import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Jail, JailCommand, PathAccess } from '@boxlite/core';
import { runConfined } from '@boxlite/core/testing';
import { createCompositeSandbox, createJailer, elfClosure, type SecurityOptionsInput } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyPvhKernel } from '../support/tiny-pvh-kernel.js';

const QEMU = '/usr/bin/qemu-system-x86_64';
/** A module in Debian 12; in Debian 13 it is a part of QEMU. */
const ACCELERATOR = '/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so';
const FIRMWARE = ['/usr/share/qemu/pvh.bin', '/usr/share/qemu/qboot.rom'];
const BUSYBOX = '/bin/busybox';

const MACHINE = [
  '-M',
  'microvm,acpi=off',
  '-accel',
  'tcg,tb-size=16',
  '-cpu',
  'EPYC',
  '-m',
  '32M',
  '-nodefaults',
].concat(
  ['-no-reboot', '-display', 'none', '-serial', 'stdio', '-object', 'rng-random,id=rng,filename=/dev/urandom'],
  ['-device', 'virtio-rng-device,rng=rng', '-device', 'virtio-blk-device,drive=d0'],
);

let work: string;
let kernel: string;
let disk: string;
let closure: readonly PathAccess[];
let seccompPolicy: string;

beforeAll(async () => {
  for (const name of ['jailer', 'jailer-landlock']) {
    execFileSync('make', ['-s', '-C', new URL(`../../packages/${name}/native`, import.meta.url).pathname]);
  }
  work = await mkdtemp('/var/tmp/boxlite-jail-');
  await chmod(work, 0o755);
  kernel = join(work, 'kernel');
  disk = join(work, 'disk.img');
  await writeFile(kernel, tinyPvhKernel('hello from the jail\r\n'));
  await writeFile(disk, '');
  await truncate(disk, 1024 * 1024);
  await chown(disk, 65534, 65534);
  closure = await elfClosure(QEMU, [ACCELERATOR].filter(existsSync));
  seccompPolicy = await readFile(new URL('../../packages/vmm-qemu/policy/qemu.policy', import.meta.url), 'utf8');
});
afterAll(() => rm(work, { recursive: true, force: true }));

interface JailParts {
  readonly paths?: readonly PathAccess[];
  readonly security?: SecurityOptionsInput;
  readonly seccompPolicy?: string;
}

function jailOf({ paths = [], security = {}, seccompPolicy }: JailParts): Jail {
  return createJailer({
    id: 'jailed',
    sandbox: createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()]),
    paths: [...paths].sort((a, b) => (a.path < b.path ? -1 : 1)),
    security: { networkEnabled: false, ...security },
    ...(seccompPolicy === undefined ? {} : { seccompPolicy }),
  });
}

/** Prepares, runs to the end and releases, as an ordinary user where the test is root. */
async function runIn(jail: Jail, command: Omit<JailCommand, 'env'> & { env?: JailCommand['env'] }) {
  await jail.prepare();
  try {
    const nobody = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    return await runConfined(jail.command({ env: {}, ...command }), nobody);
  } finally {
    await jail.release();
  }
}

const readOnly = (...paths: string[]): PathAccess[] => paths.map((path) => ({ path, writable: false }));

describe('a QEMU that sees its ELF closure and nothing else of /usr', () => {
  it('prints its version', async () => {
    const result = await runIn(jailOf({ paths: closure, seccompPolicy }), { binary: QEMU, args: ['--version'] });
    expect(result.stderr).toBe('');
    expect(result.stdout).toMatch(/^QEMU emulator version/);
    expect(result.code).toBe(0);
  });

  it('boots a kernel with a disk as an ordinary user, all namespaces unshared, Landlock and seccomp on', async () => {
    const paths = [...closure, ...readOnly(kernel, ...FIRMWARE), { path: disk, writable: true }];
    const drive = ['-kernel', kernel, '-drive', `id=d0,file=${disk},format=raw,if=none`];
    const result = await runIn(jailOf({ paths, seccompPolicy }), { binary: QEMU, args: [...MACHINE, ...drive] });
    expect(result.stderr.replace(/^.*warning: TCG doesn't support.*\n/gm, '')).toBe('');
    expect(result.stdout).toBe('hello from the jail\r\n');
    expect(result.code).toBe(0);
  });

  it('cannot open a file of the host that was not granted', async () => {
    const other = join(work, 'other.img');
    await writeFile(other, 'x'.repeat(512), { mode: 0o644 });
    const paths = [...closure, ...readOnly(kernel, ...FIRMWARE)];
    const drive = ['-kernel', kernel, '-drive', `id=d0,file=${other},format=raw,if=none,readonly=on`];
    const result = await runIn(jailOf({ paths }), { binary: QEMU, args: [...MACHINE, ...drive] });
    expect(result.stderr).toContain(`Could not open '${other}': No such file or directory`);
    expect(result.code).not.toBe(0);
  });
});

describe('a shell behind stage B', () => {
  const shell = (script: string, parts: JailParts = {}) =>
    runIn(jailOf({ ...parts, paths: [...readOnly(BUSYBOX), ...(parts.paths ?? [])] }), {
      binary: BUSYBOX,
      args: ['sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`],
    });

  it('has exactly the environment it was given', async () => {
    const result = await runIn(jailOf({ paths: readOnly(BUSYBOX) }), {
      binary: BUSYBOX,
      args: ['env'],
      env: { ONLY: 'this' },
    });
    expect(result.stdout).toBe('ONLY=this\n');
  });

  it('cannot run what it wrote itself', async () => {
    const directory = join(work, 'writable');
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o777);
    const result = await shell(
      `b cp ${BUSYBOX} ${directory}/mine; ${directory}/mine true && echo ran; b cp ${BUSYBOX} /tmp/t; /tmp/t true && echo ran; echo end`,
      {
        paths: [{ path: directory, writable: true }],
      },
    );
    expect(result.stdout).toBe('end\n');
    expect(result.stderr.match(/Permission denied/g)).toHaveLength(2);
    expect(await readFile(join(directory, 'mine'))).toHaveLength((await readFile(BUSYBOX)).length);
  });

  it('cannot make namespaces or mount', async () => {
    const result = await shell('b unshare -U true && echo made; b mount -t tmpfs none /tmp && echo mounted; echo end');
    expect(result.stdout).toBe('end\n');
    expect(result.stderr).toContain('unshare(0x10000000): Operation not permitted');
  });

  it('runs under the ids of the security options', async () => {
    expect((await shell('b id -u; b id -g', { security: { uid: 1234, gid: 5678 } })).stdout).toBe('1234\n5678\n');
  });
});
