import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const native = fileURLToPath(new URL('../../native/', import.meta.url));

/** Path of a program in `native/build`. */
export function builtProgram(name: string): string {
  return `${native}build/${name}`;
}

/** Brings native programs up to date. Test files run in parallel, so that one at a time may do it. */
export async function buildNative(...targets: string[]): Promise<void> {
  await mkdir(`${native}build`, { recursive: true });
  await run('flock', [`${native}build/.lock`, 'make', '-s', '-C', native, ...targets]);
}
