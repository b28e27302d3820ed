import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { BoxliteError, type LeaseStore } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { currentUid } from './current-uid.js';
import { selfIdentity } from './process-identity.js';
import { socketLinkParent } from './socket-link-path.js';
import { takeTurn } from './take-turn.js';
import { waitForTurn } from './turn-beacon.js';

/** Exclusive leases of this process, and how often each was asked for. */
function countedLeases() {
  const held = new Set<string>();
  const asked: string[] = [];
  const waitedMs: number[] = [];
  const events = new EventEmitter();
  const leases = {
    async acquire(entity: string, purpose: string, options: { waitMs?: number } = {}) {
      asked.push(entity);
      waitedMs.push(options.waitMs ?? 0);
      events.emit('asked');
      if (held.has(entity)) {
        throw new BoxliteError('lease_held', 'held', { details: { holders: [selfIdentity()] } });
      }
      held.add(entity);
      const release = async () => void held.delete(entity);
      return { entity, purpose, release, [Symbol.asyncDispose]: release };
    },
  } as unknown as LeaseStore;
  return { asked, waitedMs, held, leases, events };
}

const ENTITY = 'build:disk';

describe('a turn', () => {
  it('is waited for by an event: the lease is asked for again when the one before has ended, not before', async () => {
    const { asked, waitedMs, leases, events } = countedLeases();
    const first = await takeTurn(leases, ENTITY, 'building');
    const again = once(events, 'asked');
    const second = takeTurn(leases, ENTITY, 'building');
    await again;
    await othersWait();
    expect(asked).toHaveLength(2);
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
    expect(asked).toHaveLength(3);
    expect(waitedMs).toEqual([0, 0, 0]);
  });

  it('is left when the signal fires', async () => {
    const { leases, held } = countedLeases();
    const first = await takeTurn(leases, ENTITY, 'building');
    const controller = new AbortController();
    const second = takeTurn(leases, ENTITY, 'building', controller.signal);
    const ended = expect(second).rejects.toMatchObject({ code: 'aborted' });
    await othersWait();
    controller.abort();
    await ended;
    expect(held.size).toBe(1);
    await first[Symbol.asyncDispose]();
    expect(held.size).toBe(0);
  });

  it('does not wait for who knows nothing of such a turn, or is gone', async () => {
    const first = await takeTurn(countedLeases().leases, ENTITY, 'building');
    expect(await waitForTurn(selfIdentity(), 'build:other')).toBe(false);
    expect(await waitForTurn({ pid: 2 ** 22 + 1, startTime: 1 }, ENTITY)).toBe(false);
    await first[Symbol.asyncDispose]();
    expect(await waitForTurn(selfIdentity(), ENTITY)).toBe(false);
  });
});

/** Asks twice whether the turn is under way: whoever has asked before the first answer is waiting by the second. */
async function othersWait(): Promise<void> {
  const { pid, startTime } = selfIdentity();
  const path = join(socketLinkParent(currentUid()), `${pid}-${startTime}.turns`);
  for (let time = 0; time < 2; time += 1) {
    const socket = connect(path, () => void socket.write(`${ENTITY}\n`));
    await once(socket, 'data');
    socket.destroy();
  }
}
