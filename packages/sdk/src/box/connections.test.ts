import { BoxliteError, type ExitRecord, parseBoxId, type RunningVm } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { Connections } from './connections.js';
import type { LiveBox } from './live-box.js';

const ID = parseBoxId('abc');
const GONE = new BoxliteError('agent_unavailable', 'this connection was closed');

/** A connection whose end the test decides. */
function scripted() {
  const listeners: (() => void)[] = [];
  const seen = { closed: 0, waited: 0 };
  let settle: (end: ExitRecord | Error) => void = () => undefined;
  const end = new Promise<ExitRecord>((resolve, reject) => {
    settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
  });
  end.catch(() => undefined); // waited for below, if at all
  const drop = () => {
    for (const listener of listeners.splice(0)) listener();
  };
  const vm = {
    channel: { onClose: (listener: () => void) => void listeners.push(listener) },
    wait: () => {
      seen.waited += 1;
      return end;
    },
    close: async () => {
      seen.closed += 1;
      settle(GONE);
      drop();
    },
  } as unknown as RunningVm;
  return { live: { vm } as LiveBox, seen, drop, settle: (outcome: ExitRecord | Error) => settle(outcome) };
}

function connections() {
  const log: string[] = [];
  const looked: string[] = [];
  const services = {
    log: ({ message }: { message: string }) => void log.push(message),
    store: { boxes: { get: async () => void looked.push('looked') } },
  } as unknown as RuntimeServices;
  const layout = createHomeLayout('/nonexistent/home').box(ID);
  return { log, looked, connections: new Connections(services, ID, layout) };
}

describe('the connections of a handle', () => {
  it('do not ask for the end of the VM before they end: that would keep an idle program alive', () => {
    const { connections: tested } = connections();
    const { live, seen } = scripted();
    expect(tested.adopt(live)).toBe(live);
    expect(tested.live).toBe(live);
    expect(seen.waited).toBe(0);
  });

  it('that the supervisor dropped are not used any more, though the box runs on; its end is still watched', async () => {
    const { connections: tested, looked } = connections();
    const first = scripted();
    tested.adopt(first.live);
    first.drop();
    expect(tested.live).toBeUndefined();
    const second = scripted();
    tested.adopt(second.live);
    first.settle({ kind: 'Clean', reason: 'guest' });
    await expect.poll(() => looked, { timeout: 20_000 }).toEqual(['looked']);
    expect(tested.live).toBe(second.live);
  });

  it('are closed with what they saw, also those that were dropped; closing twice is fine', async () => {
    const { connections: tested, log, looked } = connections();
    const [first, second] = [scripted(), scripted()];
    tested.adopt(first.live);
    first.drop();
    tested.adopt(second.live);
    await Promise.all([tested.close(), tested.close()]);
    await tested.close();
    expect(tested.live).toBeUndefined();
    expect([first.seen.closed > 0, second.seen.closed > 0]).toEqual([true, true]);
    expect({ log, looked }).toEqual({ log: [], looked: [] });
  });

  it('that fail to tell of the end reject nowhere; the reason is logged', async () => {
    const { connections: tested, log } = connections();
    const { live, drop, settle } = scripted();
    tested.adopt(live);
    settle(new Error('broken'));
    drop();
    await expect.poll(() => log, { timeout: 20_000 }).toEqual(['the box cannot be watched']);
    await tested.close();
  });
});
