import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { VmmSpec } from '@boxlite/core';

/** Of `template.json` and of what is captured; part of each key. */
export const TEMPLATE_FORMAT = 1;
const KEY = /^[0-9a-f]{32}$/;

/** Everything a machine must have in common with a template to go on from it. */
export interface TemplateParts {
  /** Id of the VMM plugin. */
  readonly vmm: string;
  /** `VmmHandler.snapshotKey` of the machine. */
  readonly vmmKey: string;
  /** Digest of the kernel. */
  readonly kernel: string;
  /** Name and identity of the initial RAM disk, where there is one. */
  readonly initrd?: string;
  /** The file name of the guest rootfs disk, which is given to one content only: the guest's memory holds parts of it. */
  readonly guestRootfs: string;
  readonly commandLine: readonly string[];
  readonly cpus: number;
  readonly memoryMib: number;
  readonly disks: readonly { readonly format: 'raw' | 'qcow2'; readonly readOnly: boolean }[];
}

/** What of a machine is part of its key beside what only the VMM knows. A pure function but for the look at an initial RAM disk. */
export function templateParts(
  machine: VmmSpec,
  known: Pick<TemplateParts, 'vmm' | 'vmmKey' | 'kernel' | 'guestRootfs'>,
): TemplateParts {
  const { vcpus, memoryMib, initrd, commandLine, disks } = machine;
  return {
    ...known,
    ...(initrd === undefined ? {} : { initrd: identityOf(initrd) }),
    commandLine,
    cpus: vcpus,
    memoryMib,
    disks: disks.map(({ format, readOnly }) => ({ format, readOnly })),
  };
}

/** 32 hexadecimal digits: the name of the template's directory. */
export function templateKey(parts: TemplateParts): string {
  const { vmm, vmmKey, kernel, initrd = null, guestRootfs, commandLine, cpus, memoryMib, disks } = parts;
  const shape = disks.map(({ format, readOnly }) => [format, readOnly]);
  const text = JSON.stringify([
    TEMPLATE_FORMAT,
    ...[vmm, vmmKey, kernel, initrd, guestRootfs, commandLine, cpus, memoryMib, shape],
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** True for a name that {@link templateKey} makes. */
export const isTemplateKey = (name: string): boolean => KEY.test(name);

function identityOf(path: string): string {
  const { size, mtimeMs, ino } = statSync(path);
  return `${path} ${size} ${mtimeMs} ${ino}`;
}
