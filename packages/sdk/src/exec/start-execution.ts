import type { AgentClient } from '@boxlite/guest-agent';
import type { ResolvedExecOptions } from './exec-options.js';
import type { Execution } from './execution.js';

const SIGKILL = 9;

/** Starts a command through the agent and dresses it as an {@link Execution}. */
export async function startExecution(
  agent: AgentClient,
  argv: readonly string[],
  options: ResolvedExecOptions,
  signal: AbortSignal | undefined,
): Promise<Execution> {
  const running = await agent.exec(
    {
      argv,
      env: options.env,
      stdin: options.stdin,
      timeoutMs: options.timeoutMs,
      main: options.main,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.user === undefined ? {} : { user: options.user }),
      ...(options.tty === false ? {} : { tty: { rows: options.tty.rows, cols: options.tty.columns } }),
    },
    signal,
  );
  const status = running.wait().then(({ exitCode, signal: killer, timedOut }) => ({
    exitCode: killer === undefined ? exitCode : 128 + killer,
    ...(killer === undefined ? {} : { signal: killer }),
    timedOut,
  }));
  // Whoever never waits must not be told of a lost box by an unhandled rejection; whoever waits gets it from `status`.
  status.catch(() => undefined);
  return {
    id: String(running.executionId),
    stdin: running.stdin,
    stdout: running.stdout,
    stderr: running.stderr,
    wait: () => status,
    signal: (number) => running.signal(number),
    kill: () => running.signal(SIGKILL),
    resize: (rows, columns) => running.resize(rows, columns),
    detach: () => running.detach(),
    [Symbol.asyncDispose]: () => running.detach(),
  };
}
