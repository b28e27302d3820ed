import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import type { VmmSpec } from '@boxlite/core';
import type { QemuFiles } from '../host/qemu-files.js';
import type { Accelerator } from '../machine/accelerator.js';
import { qemuArguments } from '../machine/qemu-arguments.js';

/** What of this host a snapshot depends on. */
export interface SnapshotHost {
  /** Absolute, without links. */
  readonly binary: string;
  readonly hasSandbox: boolean;
  readonly accelerator: Accelerator;
  readonly tscKhz: number | undefined;
  readonly files: QemuFiles;
}

/** Stands for what differs from box to box. */
const ANY = '/any';

/**
 * Two specs with the same text can go on from each other's snapshots: the same program with the same arguments, but for the paths.
 *
 * The program is known by what the file system says of it: asking QEMU for its version would take as long as half a restore. With KVM the guest has seen
 * the host's processor, so its model counts, too.
 */
export async function snapshotKey(spec: VmmSpec, host: SnapshotHost): Promise<string> {
  const { from: _, ...booted } = spec;
  const machine: VmmSpec = {
    ...booted,
    boxId: 'any',
    kernel: ANY,
    ...(spec.initrd === undefined ? {} : { initrd: ANY }),
    disks: spec.disks.map((disk) => ({ ...disk, path: ANY })),
    agentSocket: ANY,
  };
  const { binary, hasSandbox, accelerator, tscKhz, files } = host;
  const choice = { accelerator, reason: '', ...(tscKhz === undefined ? {} : { tscKhz: roughly(tscKhz) }) };
  return JSON.stringify({
    format: 1,
    programs: await Promise.all([binary, ...files.modules, files.firmware].map(identityOf)),
    processor: accelerator === 'kvm' ? await processorOf() : undefined,
    arguments: qemuArguments(machine, { ...choice, hasSandbox }),
  });
}

/** To 10 MHz: one host is told 2 596 098 kHz by KVM at most times, and 2 596 099 at some. */
function roughly(tscKhz: number): number {
  return Math.round(tscKhz / 10_000) * 10_000;
}

async function identityOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${path} ${dev}:${ino} ${size} ${mtimeNs}`;
}

/** Its model, features and microcode, and the kernel, which hides some of them. */
async function processorOf(): Promise<readonly string[]> {
  const [first = ''] = (await readFile('/proc/cpuinfo', 'utf8')).split('\n\n');
  const lines = first
    .split('\n')
    .filter((line) => /^(vendor_id|model name|stepping|microcode|flags|Features)\s*:/.test(line));
  return [release(), ...lines];
}
