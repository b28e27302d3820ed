import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { BoxliteError, type LeaseStore } from '@boxlite/core';
import { selfIdentity, socketLinkParent } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import { BlobLeases } from './blob-leases.js';
import { waitForFetch } from './fetch-beacon.js';
import { sha256 } from './sha256.js';

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

const digest = sha256('blob');

describe('the turn to fetch a blob', () => {
  it('is waited for by an event: the lease is asked for again when the one before has ended, not before', async () => {
    const { asked, waitedMs, leases, events } = countedLeases();
    const first = await new BlobLeases(leases).fetch(digest);
    const again = once(events, 'asked');
    const second = new BlobLeases(leases).fetch(digest);
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
    const first = await new BlobLeases(leases).fetch(digest);
    const controller = new AbortController();
    const second = new BlobLeases(leases).fetch(digest, controller.signal);
    const ended = expect(second).rejects.toMatchObject({ code: 'aborted' });
    await othersWait();
    controller.abort();
    await ended;
    expect(held.size).toBe(1);
    await first[Symbol.asyncDispose]();
    expect(held.size).toBe(0);
  });

  it('does not wait for who knows nothing of such a fetch, or is gone', async () => {
    const first = await new BlobLeases(countedLeases().leases).fetch(digest);
    expect(await waitForFetch(selfIdentity(), 'image-fetch:other')).toBe(false);
    expect(await waitForFetch({ pid: 2 ** 22 + 1, startTime: 1 }, `image-fetch:${digest}`)).toBe(false);
    await first[Symbol.asyncDispose]();
    expect(await waitForFetch(selfIdentity(), `image-fetch:${digest}`)).toBe(false);
  });
});

/** Asks twice whether the fetch is under way: whoever has asked before the first answer is waiting by the second. */
async function othersWait(): Promise<void> {
  const { pid, startTime } = selfIdentity();
  const path = join(socketLinkParent(process.getuid?.() ?? 0), `${pid}-${startTime}.fetches`);
  for (let time = 0; time < 2; time += 1) {
    const socket = connect(path, () => void socket.write(`image-fetch:${digest}\n`));
    await once(socket, 'data');
    socket.destroy();
  }
}
