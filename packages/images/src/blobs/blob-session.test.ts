import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, type Lease, type LeaseStore } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { expect, it, onTestFinished } from 'vitest';
import { BlobStore } from './blob-store.js';
import { sha256 } from './sha256.js';

const [ONE, TWO, THREE] = ['one', 'two', 'three'].map((text) => sha256(text)) as [
  `sha256:${string}`,
  `sha256:${string}`,
  `sha256:${string}`,
];

/** Leases whose release fails for some entities, as a locked database may have it. */
function leasesThatFail(failing: readonly string[]) {
  const held = new Set<string>();
  const leases: Pick<LeaseStore, 'acquire'> = {
    async acquire(entity, purpose) {
      held.add(entity);
      const release = async () => {
        if (failing.includes(entity)) throw new BoxliteError('database_error', `cannot release ${entity}`);
        held.delete(entity);
      };
      const lease: Lease = { entity, purpose, release, [Symbol.asyncDispose]: release };
      return lease;
    },
  };
  return { held, leases: leases as LeaseStore };
}

it('a session that cannot let go of one blob lets go of all others, and says so', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-blobs-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { held, leases } = leasesThatFail([`image-blob:${ONE}`]);
  const session = new BlobStore(createHomeLayout(join(directory, 'home')), { leases }).session('a test');
  for (const digest of [ONE, TWO, THREE]) await session.hold(digest);
  expect(held.size).toBe(3);
  await expect(session[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'database_error' });
  expect([...held]).toEqual([`image-blob:${ONE}`]);
});
