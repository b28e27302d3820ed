import { BoxliteError, type Digest, type Lease, type LeaseStore } from '@boxlite/core';
import { type Turn, takeTurn } from '@boxlite/layout';

/** A blob somebody needs, held shared; who removes it holds it alone. */
const USED_ENTITY = 'image-blob:';
/** A blob somebody is fetching, held alone. */
const FETCH_ENTITY = 'image-fetch:';
/** How long a removal may take, milliseconds: one `unlink`, on a busy disk. */
const REMOVAL_MS = 60_000;
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
  fetch(digest: Digest, signal?: AbortSignal): Promise<Turn> {
    return takeTurn(this.leases, `${FETCH_ENTITY}${digest}`, 'fetching a blob', signal);
  }
}
