import { BoxliteError } from '@boxlite/core';
import { withinTime } from '../runtime/time-limit.js';
import { required, type StartContext } from './start-context.js';
import { consoleTail, reportingVmmEnd } from './vmm-ended.js';

/** A guest that has not said hello by then is stuck; emulated machines on a loaded host need about ten seconds. */
const LEAST_READY_TIMEOUT_MS = 60_000;
/** Each processor is started by itself: 64 emulated ones take a minute on two cores that do other things, too. */
const READY_TIMEOUT_PER_CPU_MS = 4_000;

/** How long a guest that boots may take to say hello, in milliseconds. */
export function guestReadyTimeoutMs({ cpus }: { readonly cpus: number }): number {
  return Math.max(LEAST_READY_TIMEOUT_MS, cpus * READY_TIMEOUT_PER_CPU_MS);
}

/** A guest that goes on from a template answers within 0.1 s, an emulated one; a loaded host is given more. */
export const TEMPLATE_READY_TIMEOUT_MS = 5_000;

/**
 * Waits for the agent's hello; a VMM that ends first is the cause that is reported, not a time-out.
 * @throws BoxliteError `vmm_failed`, `timeout`, `aborted`, and what the agent's hello fails with
 */
export async function connectGuest(context: StartContext, timeoutMs: number): Promise<void> {
  const agent = await context.services.agent(required(context, 'vm').channel);
  const hello = await reportingVmmEnd(context, () =>
    withinTime(agent.hello, timeoutMs, context.signal, 'waiting for the guest'),
  );
  if (hello === 'timeout') throw await notReady(context, timeoutMs);
  context.agent = agent;
}

async function notReady(context: StartContext, timeoutMs: number): Promise<BoxliteError> {
  return new BoxliteError('timeout', `the guest of box ${context.box.id} was not ready after ${timeoutMs / 1000} s`, {
    hint: `read ${context.box.consoleLog}`,
    details: { console: await consoleTail(context) },
  });
}
