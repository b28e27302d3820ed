import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const nativeDir = fileURLToPath(new URL('../../native/', import.meta.url));
export const supervisorBinary = `${nativeDir}build/boxlite-supervisor`;
export const fixtureVmm = `${nativeDir}build/fixture-vmm`;

/** Builds what the tests run. Test files run side by side, make does not: one at a time. */
export function buildNative(...targets: string[]): void {
  mkdirSync(`${nativeDir}build`, { recursive: true });
  execFileSync('flock', [`${nativeDir}build/.lock`, 'make', '-s', '-C', nativeDir, ...targets], { stdio: 'inherit' });
}
