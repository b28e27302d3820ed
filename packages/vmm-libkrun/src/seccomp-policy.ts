import { readFile } from 'node:fs/promises';
import { BoxliteError } from '@boxlite/core';

/** Beside `src` in a checkout and beside `dist` in the published package. */
const FILE = new URL('../policy/libkrun-shim.policy', import.meta.url);

let text: Promise<string> | undefined;

/**
 * The system calls the shim and libkrun need until the shim's second filter is on, read once.
 * @throws BoxliteError `vmm_unavailable` when the package is incomplete
 */
export function seccompPolicy(): Promise<string> {
  text ??= readFile(FILE, 'utf8').catch((thrown: unknown) => {
    throw new BoxliteError('vmm_unavailable', "the shim's list of system calls cannot be read", {
      hint: 'install @boxlite/vmm-libkrun again: its file policy/libkrun-shim.policy is missing',
      cause: thrown,
      details: { path: FILE.pathname },
    });
  });
  return text;
}
