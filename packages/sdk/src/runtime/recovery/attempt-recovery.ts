import type { Log } from '../log.js';

/** Does one part of a recovery. What fails is logged: one damaged box must not keep the others from being used. */
export async function attemptRecovery(log: Log, what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    log({ level: 'warn', message: `recovery: ${what} failed`, cause });
  }
}
