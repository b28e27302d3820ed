import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** A supervisor that waits for its config, and this side's ends of its five descriptors (native/src/main.c). */
export interface SupervisorProcess {
  readonly child: ChildProcess;
  readonly config: NodeJS.WritableStream;
  readonly status: Socket;
  /** Absent: it was made for a detached box. */
  readonly watchdog: Socket | undefined;
  readonly connection: Socket;
  /** Resolves with how it ended, for people. */
  readonly exited: Promise<string>;
}

/**
 * Spawns a supervisor. It does nothing before its config is complete, and ends with this process until then.
 * @param isTied whether it has a watchdog, which a box that is not detached needs; a detached box's supervisor gives one up
 */
export function spawnSupervisor(binary: string, isTied: boolean): SupervisorProcess {
  const child = spawn(binary, [], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', isTied ? 'pipe' : 'ignore', 'pipe'],
  });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signalName) => resolve(`it ended with ${signalName ?? `status ${code}`}`));
  });
  const [, , , watchdog, connection] = child.stdio;
  child.unref();
  // Until somebody reads it, a reset only means that the supervisor has ended; its status says why.
  connection?.on('error', () => undefined);
  return {
    child,
    exited,
    // Pipes as asked for above; Node makes sockets of them.
    config: child.stdin as NodeJS.WritableStream,
    status: child.stdout as Socket,
    watchdog: (watchdog as Socket | null) ?? undefined,
    connection: connection as Socket,
  };
}
