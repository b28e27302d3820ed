import { BoxliteError } from '@boxlite/core';
import { withinTime } from '../../runtime/time-limit.js';
import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';
import { consoleTail, reportingVmmEnd } from '../vmm-ended.js';

/** A guest that has not said hello by then is stuck; emulated machines on a loaded host need about ten seconds. */
export const GUEST_READY_TIMEOUT_MS = 60_000;

/** Waits for the agent's hello; a VMM that ends first is the cause that is reported, not a time-out. */
export const guestConnect: Stage<StartContext> = {
  name: 'guest-connect',
  async run(context) {
    const agent = await context.services.agent(required(context, 'vm').channel);
    const hello = await reportingVmmEnd(context, () =>
      withinTime(agent.hello, GUEST_READY_TIMEOUT_MS, context.signal, 'waiting for the guest'),
    );
    if (hello === 'timeout') throw await notReady(context);
    context.agent = agent;
  },
};

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
