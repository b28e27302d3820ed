import { BoxliteError, type Digest, type Lease, type LeaseStore, type ProcessIdentity } from '@boxlite/core';
import { lightFetchBeacon, waitForFetch } from './fetch-beacon.js';

/** A blob somebody needs, held shared; who removes it holds it alone. */
const USED_ENTITY = 'image-blob:';
/** A blob somebody is fetching, held alone. */
const FETCH_ENTITY = 'image-fetch:';
/** How long a removal may take, milliseconds: one `unlink`, on a busy disk. */
const REMOVAL_MS = 60_000;
/** How long the lease is asked for again when its holder cannot tell us when it is done, milliseconds; then the holder is asked again. */
const ASK_AGAIN_MS = 5_000;

/** Given back when a fetch has ended. */
export type FetchTurn = AsyncDisposable;

/** What the processes of one home agree on about blobs. */
export class BlobLeases {
  constructor(private readonly leases: LeaseStore) {}

  /**
   * Keeps a blob from being collected.
   * @throws BoxliteError `aborted`, `lease_held` when its removal takes a minute
   */
  use(digest: Digest, purpose: string, signal?: AbortSignal): Promise<Lease> {
    return this.leases.acquire(`${USED_ENTITY}${digest}`, purpose, {
      shared: true,
      waitMs: REMOVAL_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The right to remove a blob, or who needs it, in words. */
  async collect(digest: Digest): Promise<Lease | string> {
    try {
      return await this.leases.acquire(`${USED_ENTITY}${digest}`, 'collecting garbage');
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
      return thrown.message;
    }
  }

  /**
   * The right to fetch a blob, or to remove a damaged one. While another process has it, this one waits for the end of that fetch or of that process.
   * @throws BoxliteError `aborted`
   */
  async fetch(digest: Digest, signal?: AbortSignal): Promise<FetchTurn> {
    const entity = `${FETCH_ENTITY}${digest}`;
    for (let waitMs = 0; ; ) {
      const taken = await this.tryFetch(entity, waitMs, signal);
      if (!('holder' in taken)) return taken;
      const waited = taken.holder !== undefined && (await waitForFetch(taken.holder, entity, signal));
      // Otherwise it has ended in the meantime, or its holder cannot be reached.
      waitMs = waited ? 0 : ASK_AGAIN_MS;
    }
  }

  private async tryFetch(
    entity: string,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<FetchTurn | { readonly holder: ProcessIdentity | undefined }> {
    const extinguish = await lightFetchBeacon(entity);
    try {
      const options = { waitMs, ...(signal === undefined ? {} : { signal }) };
      const lease = await this.leases.acquire(entity, 'fetching a blob', options);
      // In this order, so that who is woken finds the lease free.
      return { [Symbol.asyncDispose]: () => lease.release().finally(extinguish) };
    } catch (thrown) {
      extinguish();
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
      return { holder: firstHolder(thrown.details.holders) };
    }
  }
}

function firstHolder(holders: unknown): ProcessIdentity | undefined {
  const [first] = Array.isArray(holders) ? (holders as readonly Partial<ProcessIdentity>[]) : [];
  const { pid, startTime } = first ?? {};
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime };
}
