import type { KernelEntry } from '../index.mjs';

export function kernelCacheDirectory(environment?: Readonly<Record<string, string | undefined>>, home?: string): string;
export function cachedEntry(cache: string, key: string): KernelEntry | undefined;
export function latestEntry(cache: string, target: string): KernelEntry | undefined;
export function setLatest(cache: string, target: string, key: string): void;
export function installEntry(cache: string, key: string, staged: string): KernelEntry;
export function makeStaging(cache: string, key: string): string;
