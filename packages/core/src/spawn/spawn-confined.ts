import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { ConfinedCommand, PidReport } from '../contracts/sandbox.js';
import { throwIfAborted } from '../errors/aborted-error.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { errnoOf } from '../errors/to-boxlite-error.js';
import { openDataFiles } from './data-files.js';
import { inheritedDescriptors } from './inherited-descriptors.js';
import { takePidReport } from './pid-report.js';
import { withProcessLimits } from './process-limits.js';

/** What the command's streams are connected to. */
type Connection = 'pipe' | 'inherit' | 'ignore';

export interface SpawnConfinedOptions {
  /** Default `pipe`, each. */
  readonly stdin?: Connection;
  readonly stdout?: Connection;
  readonly stderr?: Connection;
  /** Ends the command: SIGTERM, and SIGKILL after `graceMs`. */
  readonly signal?: AbortSignal;
  /** Milliseconds; default 2000. */
  readonly graceMs?: number;
  /** Ordinary ids to start the sandbox itself as; only root may choose. */
  readonly uid?: number;
  readonly gid?: number;
}

/** How a confined command ended; exactly one is null. */
export interface ConfinedExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A confined command that runs. */
export interface ConfinedProcess extends AsyncDisposable {
  /** Of the command itself, as the host sees it; undefined when the sandbox failed before there was one (`stderr` says why). */
  readonly pid: number | undefined;
  /** Null where it is no pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Never rejects. Output may still wait in the pipes. */
  readonly exit: Promise<ConfinedExit>;
  /** Signals the command, default SIGTERM; false when it has ended. */
  kill(signal?: NodeJS.Signals): boolean;
  /** SIGKILL, and waits for the end. Idempotent. */
  close(): Promise<void>;
}

const GRACE_MS = 2000;

/**
 * Starts a confined command without a supervisor: its data on its descriptors, nothing else inherited, its pid report taken. Limits are set by
 * prlimit(1). Resolves once the command itself runs, or its sandbox has failed. What it leaves running in its process group ends with it.
 *
 * @throws BoxliteError `command_not_found` or `execution_failed` when the sandbox's program cannot be started, `unsupported` for what only a
 *   supervisor does (a cgroup), `aborted`
 * @example
 * ```ts
 * const child = await spawnConfined(sandbox.apply(context, { binary: '/bin/cat', args: [], env: {} }));
 * child.stdin?.end('hello');
 * console.log(await child.exit);
 * ```
 */
export async function spawnConfined(
  command: ConfinedCommand,
  options: SpawnConfinedOptions = {},
): Promise<ConfinedProcess> {
  const { binary, args, env, pidReport, dataFds = [] } = await withProcessLimits(command, process.env.PATH ?? '');
  throwIfAborted(options.signal, `starting ${binary}`);
  const files = openDataFiles(dataFds, inheritedDescriptors(), options.uid);
  let child: ChildProcess;
  try {
    child = spawn(binary, [...args], {
      env: { ...env },
      cwd: '/',
      stdio: connections(options, pidReport, files.descriptors),
      // A process group of its own, to signal as a whole.
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
  } finally {
    files.close();
  }
  const exit = new Promise<ConfinedExit>((resolve) => {
    child.on('exit', (code, signal) => {
      if (pidReport.kind === 'self') signalGroup(child, 'SIGKILL');
      resolve({ code, signal });
    });
  });
  await started(child, binary);
  // From here on only a signal that cannot be sent is told this way, and `kill` says that itself.
  child.on('error', () => undefined);
  // A command that does not read its input is no failure.
  child.stdin?.on('error', () => undefined);
  const running = { pid: pidReport.kind === 'self' ? child.pid : undefined };
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => killCommand(child, running.pid, pidReport.kind, signal);
  const stopWatching = watchAbort(options, kill);
  exit.then(stopWatching);
  if (pidReport.kind === 'bubblewrap') {
    running.pid = await takePidReport(
      child.stdio[pidReport.infoFd] as Readable,
      child.stdio[pidReport.blockFd] as Duplex,
    );
  }
  const close = async () => {
    kill('SIGKILL');
    await exit;
  };
  return {
    pid: running.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exit,
    kill,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What each descriptor of the child is, by its number. */
function connections(
  { stdin = 'pipe', stdout = 'pipe', stderr = 'pipe' }: SpawnConfinedOptions,
  pidReport: PidReport,
  data: ReadonlyMap<number, number>,
): (Connection | number)[] {
  const list: (Connection | number)[] = [stdin, stdout, stderr];
  const place = (fd: number, what: 'pipe' | number) => {
    // From 3 on, "ignore" means that Node.js does nothing with it.
    while (list.length <= fd) list.push('ignore');
    list[fd] = what;
  };
  for (const [fd, descriptor] of data) place(fd, descriptor);
  if (pidReport.kind === 'bubblewrap') {
    place(pidReport.infoFd, 'pipe');
    place(pidReport.blockFd, 'pipe');
  }
  return list;
}

async function started(child: ChildProcess, binary: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (thrown) {
    const errno = errnoOf(thrown);
    throw new BoxliteError(
      errno === 'ENOENT' ? 'command_not_found' : 'execution_failed',
      `${binary} cannot be started (${errno ?? String(thrown)})`,
      { hint: 'see that the file exists and may be executed', cause: thrown, details: { field: 'command' } },
    );
  }
}

/** Sends a signal to everything of a command that has not ended. */
function killCommand(
  child: ChildProcess,
  pid: number | undefined,
  report: ConfinedCommand['pidReport']['kind'],
  signal: NodeJS.Signals,
): boolean {
  if (child.exitCode !== null || child.signalCode !== null) return false;
  // bubblewrap passes nothing on; its own end ends the view with everything in it.
  if (report === 'self' || pid === undefined || signal === 'SIGKILL') return signalGroup(child, signal);
  return signalOne(pid, signal);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): boolean {
  return pid !== undefined && signalOne(-pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (thrown) {
    // It ended meanwhile.
    if (errnoOf(thrown) === 'ESRCH') return false;
    throw thrown;
  }
}

/** @returns what ends the watch */
function watchAbort(
  { signal, graceMs = GRACE_MS }: SpawnConfinedOptions,
  kill: (signal: NodeJS.Signals) => boolean,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const abort = () => {
    kill('SIGTERM');
    timer = setTimeout(() => kill('SIGKILL'), graceMs);
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
}
