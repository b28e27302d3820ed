import type { ImageProgress, TaskCaller } from '@boxlite/core';
import type { BlobSession } from '../blobs/blob-session.js';
import type { BlobKind, ExpectedBlob, FillBlob } from '../blobs/blob-store.js';

/**
 * Like `BlobSession.ensure`, but a caller that shared somebody else's fetch, of another registry perhaps, does not fail with it: it fetches the
 * blob itself.
 *
 * @returns true when bytes were fetched for this caller
 * @throws BoxliteError see `BlobStore.ensure`
 */
export async function ensureBlob(
  blobs: BlobSession,
  kind: BlobKind,
  blob: ExpectedBlob,
  fill: FillBlob,
  caller: TaskCaller<ImageProgress>,
): Promise<boolean> {
  let asked = false;
  const ownFill: FillBlob = (sink, context) => {
    asked = true;
    return fill(sink, context);
  };
  try {
    await blobs.ensure(kind, blob, ownFill, caller);
  } catch (thrown) {
    if (asked || caller.signal?.aborted === true) throw thrown;
    await blobs.ensure(kind, blob, ownFill, caller);
  }
  return asked;
}
