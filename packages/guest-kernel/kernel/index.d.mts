/** `kernel.json`. */
export interface KernelManifest {
  readonly format: 1;
  readonly name: 'boxlite';
  readonly architecture: string;
  /** Name of the kernel's file beside this one. */
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  readonly version: string;
  /** What `uname -r` says. */
  readonly release: string;
  readonly maxVcpus: number;
  /** Hash of everything the bytes depend on. */
  readonly inputs: string;
  readonly sourcePackage: string;
  readonly sourceVersion: string;
  readonly sourceSha256: string;
  readonly configSha256: string;
  readonly patchesSha256: string;
  readonly compiler: string;
  readonly linker: string;
  readonly license: 'GPL-2.0-only';
}

export interface KernelEntry {
  readonly directory: string;
  readonly manifest: KernelManifest;
}

export class MissingPackagesError extends Error {
  readonly packages: readonly string[];
}

export { missingPackages } from './build/obstacles.mjs';
export { TARGETS } from './build/target.mjs';
export function hostTarget(): string | undefined;
export function cachedKernel(
  target: string,
  environment?: Readonly<Record<string, string | undefined>>,
): KernelEntry | undefined;
export function buildKernel(
  target: string,
  options?: {
    readonly report?: (words: string) => void;
    readonly signal?: AbortSignal;
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly jobs?: number;
  },
): Promise<KernelEntry & { readonly wasCached: boolean }>;
