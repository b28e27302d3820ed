import { startColdInstead } from '../../template/start-machine.js';
import { connectGuest, guestReadyTimeoutMs, TEMPLATE_READY_TIMEOUT_MS } from '../connect-guest.js';
import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';
import { startNote } from '../start-note.js';

/** Waits for the guest. One that goes on from a template and does not say hello is booted instead. */
export const guestConnect: Stage<StartContext> = {
  name: 'guest-connect',
  note: startNote,
  async run(context) {
    const [ready, durable] = await Promise.allSettled([untilReady(context), makeDurable(context)]);
    if (ready.status === 'rejected') throw ready.reason;
    if (durable.status === 'rejected') throw durable.reason;
  },
};

async function untilReady(context: StartContext): Promise<void> {
  if (context.template === undefined) return connectGuest(context, guestReadyTimeoutMs(context.options));
  try {
    await connectGuest(context, TEMPLATE_READY_TIMEOUT_MS);
  } catch (thrown) {
    if (context.signal?.aborted === true) throw thrown;
    await startColdInstead(context, thrown);
    await connectGuest(context, guestReadyTimeoutMs(context.options));
  }
}

/** What the start has recorded until now survives a power cut from here on: one sync for all of it, while the guest is waited for anyway. */
async function makeDurable({ services, record }: StartContext): Promise<void> {
  await services.store.boxes.update(record.config.id, (state) => state);
}
