import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { stage } from './staging.js';

const runFile = promisify(execFile);

/** Runs a program; rejects when it fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<unknown>;

/** How bind mounts are probed. */
export interface BindMountProbeOptions {
  /** Off by default: isolation by bind mounts has to be asked for. */
  readonly enabled?: boolean;
  readonly platform?: NodeJS.Platform;
  readonly run?: RunProgram;
}

/** Milliseconds a mount may take before the probe gives up. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Whether this process may bind-mount in the home. Tried for real, in a mount namespace of its own, so nothing can be left behind.
 * macOS has no bind mounts but links that serve, so there it is supported when enabled.
 * @param tmpDir the home's `tmp/`
 */
export async function probeBindMounts(
  tmpDir: string,
  options: BindMountProbeOptions = {},
): Promise<{ readonly supported: boolean; readonly reason?: string }> {
  if (options.enabled !== true) return { supported: false, reason: 'bind mounts are switched off (the default)' };
  const platform = options.platform ?? process.platform;
  if (platform === 'darwin') return { supported: true };
  if (platform !== 'linux') return { supported: false, reason: `bind mounts are not known on ${platform}` };
  const run: RunProgram = options.run ?? ((program, args) => runFile(program, args, { timeout: PROBE_TIMEOUT_MS }));
  await using area = await stage(tmpDir);
  const [from, to] = [area.path('from'), area.path('to')];
  await Promise.all([mkdir(from), mkdir(to)]);
  try {
    await run('unshare', ['--mount', '--', 'mount', '--bind', from, to]);
    return { supported: true };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.trim() : String(thrown);
    return { supported: false, reason: `a bind mount failed: ${reason}` };
  }
}
