import type { Readable } from 'node:stream';
import type { ConfinedCommand } from '../contracts/sandbox.js';
import { spawnConfined } from '../spawn/spawn-confined.js';

export interface RunConfinedOptions {
  readonly stdin?: string;
  /** Ordinary ids to spawn as; only root may choose. */
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds until the command is killed; default 30 000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/** How a confined command ended. */
export interface ConfinedRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The pid the command's `pidReport` told of. */
  readonly reportedPid: number;
}

/**
 * Runs a confined command to its end the way a supervisor does: data on its descriptors, nothing else inherited, the pid report
 * taken and the command released. Limits and cgroup (stage A) are not applied. For tests only.
 */
export async function runConfined(command: ConfinedCommand, options: RunConfinedOptions = {}): Promise<ConfinedRun> {
  const { stdin = '', timeoutMs = TIMEOUT_MS, ...ids } = options;
  const { rlimits: _limits, cgroupDir: _group, ...confined } = command;
  const child = await spawnConfined(confined, ids);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    child.stdin?.end(stdin);
    const [end, stdout, stderr] = await Promise.all([child.exit, collect(child.stdout), collect(child.stderr)]);
    return { ...end, stdout, stderr, reportedPid: child.pid ?? -1 };
  } finally {
    clearTimeout(timer);
  }
}

async function collect(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
