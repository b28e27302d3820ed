import { spawn } from 'node:child_process';
import { namespaceArguments } from './bwrap-arguments.js';

/** How one trial run of bubblewrap ended. */
export interface PreflightResult {
  readonly ok: boolean;
  readonly stderr: string;
}

/** A view is built in a few milliseconds; one that takes this long hangs. */
const PREFLIGHT_TIMEOUT_MS = 10_000;
const STDERR_LIMIT = 4096;

/**
 * Builds a view with the same namespaces and options as a box's and runs `bwrap --version` in it, which needs nothing else.
 * @param bwrap absolute path
 */
export function preflight(bwrap: string, disableUserns: boolean): Promise<PreflightResult> {
  const args = [
    ...namespaceArguments({ networkEnabled: false }, { disableUserns }),
    ...['--ro-bind', '/', '/', '--perms', '0700', '--size', '65536', '--tmpfs', '/tmp', '--remount-ro', '/tmp'],
    ...['--', bwrap, '--version'],
  ];
  return new Promise((resolve) => {
    const child = spawn(bwrap, args, {
      env: {},
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: PREFLIGHT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_LIMIT) stderr += chunk.toString('utf8');
    });
    child.on('error', (thrown) => resolve({ ok: false, stderr: thrown.message }));
    child.on('close', (code) => resolve({ ok: code === 0, stderr }));
  });
}
