import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { type ConfinedCommand, toBoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';

/** Where the helper reads the records of the view, and leaves the user namespace for the sandbox. 8 and below are taken by sandboxes and stage B. */
export const HAND_OVER_FD = 9;
/** Where it leaves the inner one. Above the listeners of every VMM, below the fewest files a VMM can do with. Stage B enters it. */
export const INNER_NAMESPACE_FD = 31;
/** The helper makes a few dozen mounts; one that takes this long hangs. */
const CHECK_TIMEOUT_MS = 10_000;
const STDERR_LIMIT = 4096;

/** The program that mounts a view before a sandbox is started (`native/hand-over`), or why there is none. */
export function handOverHelper(): { readonly path: string } | { readonly reason: string } {
  try {
    return { path: nativeBinary('boxlite-hand-over') };
  } catch (thrown) {
    return { reason: toBoxliteError(thrown, 'internal', 'looking for the hand-over helper').message };
  }
}

/** Puts the helper in front of what a sandbox has made; the records are among its data already. */
export function wrapWithHelper(helper: string, args: readonly string[], command: ConfinedCommand): ConfinedCommand {
  return { ...command, binary: helper, args: [...args, '--', command.binary, ...command.args] };
}

/**
 * Has the helper make everything but the command. Mounts and namespaces end with it.
 * @returns why it could not
 */
export function checkHelper(helper: string, args: readonly string[], records: Uint8Array): Promise<string | undefined> {
  return new Promise((resolve) => {
    const stdio = Array.from({ length: HAND_OVER_FD + 1 }, (_unused, fd): 'ignore' | 'pipe' =>
      fd === 2 || fd === HAND_OVER_FD ? 'pipe' : 'ignore',
    );
    const child = spawn(helper, [...args, '--check'], {
      env: {},
      cwd: '/',
      stdio,
      timeout: CHECK_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_LIMIT) stderr += chunk.toString('utf8');
    });
    const streams: readonly unknown[] = child.stdio;
    const input = streams[HAND_OVER_FD] as Writable | null;
    // The helper may end before it has read everything; its status says why.
    input?.on('error', () => undefined);
    input?.end(records);
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : stderr.trim() || `the helper ended with ${signal ?? `status ${code}`}`),
    );
  });
}
