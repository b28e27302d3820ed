import { kernelInvalid } from '../kernel-invalid.js';
import { MAX_KERNEL_FILE_BYTES } from '../read-kernel-file.js';

/** Of `process.arch` and of the kernel: how an architecture is called, and its kernel's file. */
export const KERNEL_TARGETS = {
  x64: { architecture: 'x86_64', file: 'vmlinux', kind: 'vmlinux' },
  arm64: { architecture: 'arm64', file: 'Image', kind: 'image' },
} as const;

export type KernelArchitecture = keyof typeof KERNEL_TARGETS;

/** What lies beside the kernel's file: `kernel.json` of the build. Other members are for people and ignored. */
export interface KernelManifest {
  /** `uname -r`. */
  readonly release: string;
  readonly file: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** Of the file, in bytes. */
  readonly size: number;
  readonly maxVcpus?: number;
}

const RELEASE = /^\d[\x21-\x7e]{0,63}$/;
/** The largest NR_CPUS a kernel can have (arch/x86/Kconfig). */
const MOST_VCPUS = 8192;

/**
 * Checks the text of a `kernel.json`.
 * @param architecture the one the kernel is for
 * @throws BoxliteError `kernel_unavailable`, `details.field` naming the member
 */
export function parseKernelManifest(text: string, architecture: KernelArchitecture): KernelManifest {
  const target = KERNEL_TARGETS[architecture];
  const members = objectOf(text);
  const { format, release, sha256, size, maxVcpus } = members;
  if (format !== 1) throw wrong('format', 'is of a format this version does not know');
  if (members.architecture !== target.architecture) throw wrong('architecture', 'is of a kernel for other machines');
  if (members.file !== target.file) throw wrong('file', `does not name ${target.file}`);
  if (typeof release !== 'string' || !RELEASE.test(release)) throw wrong('release', 'has no release of Linux');
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw wrong('sha256', 'has no sha256');
  if (!isCount(size, MAX_KERNEL_FILE_BYTES)) throw wrong('size', 'has no possible size');
  if (maxVcpus !== undefined && !isCount(maxVcpus, MOST_VCPUS)) throw wrong('maxVcpus', 'has no possible maxVcpus');
  return { release, file: target.file, sha256, size, ...(maxVcpus === undefined ? {} : { maxVcpus }) };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('format', 'is not JSON'); // The parser's message would quote it.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('format', 'is not an object');
  return value as Readonly<Record<string, unknown>>;
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= most;
}

function wrong(field: string, reason: string): Error {
  return kernelInvalid(field, `kernel.json ${reason}`);
}
