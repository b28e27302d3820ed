import { BoxliteError, type ExitRecord, escapeText } from '@boxlite/core';
import { readHostileTail } from '@boxlite/layout';
import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';

/** A guest that has not said hello by then is stuck; emulated machines on a loaded host need about ten seconds. */
export const GUEST_READY_TIMEOUT_MS = 60_000;
const CONSOLE_TAIL_BYTES = 2048;

/** Waits for the agent's hello; a VMM that ends first is the cause that is reported, not a time-out. */
export const guestConnect: Stage<StartContext> = {
  name: 'guest-connect',
  async run(context) {
    const vm = required(context, 'vm');
    const agent = await context.services.agent(vm.channel);
    const timeout = timeoutAfter(GUEST_READY_TIMEOUT_MS, context.signal);
    try {
      const ended = vm.wait().then((record) => ({ record }));
      const first = await Promise.race([agent.hello, ended, timeout.promise]);
      if (first === 'timeout') throw await notReady(context);
      if ('record' in first) throw await vmmEnded(context, first.record);
    } catch (thrown) {
      // The channel breaks a moment before the exit record arrives: the record says more.
      if (!BoxliteError.isInstance(thrown, 'agent_unavailable')) throw thrown;
      throw await vmmEnded(context, await vm.wait());
    } finally {
      timeout.cancel();
    }
    context.agent = agent;
  },
};

function timeoutAfter(milliseconds: number, signal: AbortSignal | undefined) {
  let cancel = (): void => undefined;
  const promise = new Promise<'timeout'>((resolve, reject) => {
    const timer = setTimeout(() => resolve('timeout'), milliseconds);
    const abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    cancel = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    if (signal?.aborted) abort();
  });
  return { promise, cancel };
}

async function notReady(context: StartContext): Promise<BoxliteError> {
  return new BoxliteError(
    'timeout',
    `the guest of box ${context.box.id} was not ready after ${GUEST_READY_TIMEOUT_MS / 1000} s`,
    {
      hint: `read ${context.box.consoleLog}`,
      details: { console: await consoleTail(context) },
    },
  );
}

async function vmmEnded(context: StartContext, record: ExitRecord): Promise<BoxliteError> {
  const console = await consoleTail(context);
  const why = record.kind === 'Clean' ? 'the guest powered off before it was ready' : record.message;
  const last = console.trimEnd().split('\n').at(-1) ?? '';
  return new BoxliteError(
    'vmm_failed',
    `box ${context.box.id} ended while it started: ${why}${last && ` (console: ${last})`}`,
    {
      hint: `read ${context.box.consoleLog} and ${context.box.stderrFile}`,
      details: { exit: record, console },
    },
  );
}

async function consoleTail(context: StartContext): Promise<string> {
  try {
    return escapeText(Buffer.from(await readHostileTail(context.box.consoleLog, CONSOLE_TAIL_BYTES)).toString('utf8'));
  } catch {
    return ''; // There is no console yet when the VMM never ran; the error at hand says why.
  }
}
