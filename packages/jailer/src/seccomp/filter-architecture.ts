import { BoxliteError } from '@boxlite/core';
import type { FilterArchitecture } from './syscall-numbers.js';

/**
 * This machine's architecture.
 * @throws BoxliteError `unsupported` for one without a table of calls
 */
export function filterArchitecture(): FilterArchitecture {
  if (process.arch === 'x64' || process.arch === 'arm64') return process.arch;
  throw new BoxliteError('unsupported', `there is no system call filter for ${process.arch}`, {
    hint: "set seccomp: 'off' to run without it",
  });
}
