import { join } from 'node:path';
import { type ImageRecord, isActive } from '@boxlite/core';
import type { StoredImage } from '@boxlite/images';
import { boxLabel, imageUsers } from '../images/image-users.js';
import { imagesToCome } from '../images/images-to-come.js';
import { lastUse } from '../images/remember-image.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes, namesIn } from './allocated-bytes.js';
import { readKernels } from './read-kernels.js';
import { readSnapshots } from './read-snapshots.js';
import { readTemplates } from './read-templates.js';
import type { StorageSnapshot } from './storage-snapshot.js';

/** Stands for the boxes of a disk when the disk of one of them cannot be read. */
const UNKNOWN_USER = 'a box whose disk cannot be read';
/** `tmp/` also holds caches, which are nobody's work in progress; what is begins with the pid of who is at it. */
const STAGING_NAME = /^\d+-\d+-/;

/**
 * Looks at everything that takes room in a home. Takes no lock: whoever acts on it asks again under one.
 * @throws BoxliteError `storage_error`, `database_error`
 */
export async function readSnapshot(services: RuntimeServices): Promise<StorageSnapshot> {
  const [images, imageDisks, guestRootfs, kernels, templates, boxes, snapshots, staging] = await Promise.all([
    readImages(services),
    readImageDisks(services),
    readGuestRootfs(services),
    readKernels(services),
    readTemplates(services),
    readBoxes(services),
    readSnapshots(services),
    readStaging(services),
  ]);
  return { ...images, imageDisks, guestRootfs, kernels, templates, boxes, snapshots, staging };
}

/** What decisions about images need; nothing else of the home is looked at. */
export async function readImageSnapshot(services: RuntimeServices): Promise<StorageSnapshot> {
  const [images, imageDisks] = await Promise.all([readImages(services), readImageDisks(services)]);
  return { ...images, imageDisks, guestRootfs: [], kernels: [], templates: [], boxes: [], snapshots: [], staging: [] };
}

async function readImages(services: RuntimeServices): Promise<Pick<StorageSnapshot, 'images' | 'blobs'>> {
  const [{ listImages, measureBlobs }, cache, boxes] = await Promise.all([
    import('@boxlite/images'),
    services.imageCache(),
    services.store.boxes.list(),
  ]);
  const toCome = await imagesToCome(services, boxes);
  const stored = await listImages(cache);
  const images = stored.map(async ({ record, sizeBytes }: StoredImage) => {
    return {
      reference: record.reference,
      diskKeys: await diskKeys(services, record),
      sizeBytes,
      lastUsedAt: lastUse(record),
      boxes: imageUsers(record, boxes, toCome).map(boxLabel),
    };
  });
  const { blobs } = await measureBlobs(cache);
  return {
    images: await Promise.all(images),
    blobs: blobs.map(({ digest, bytes, mtimeMs, referencedBy }) => ({
      digest,
      bytes,
      storedAt: mtimeMs,
      referencedBy,
    })),
  };
}

/** An image of a source that is not here now has its disk all the same. */
async function diskKeys(services: RuntimeServices, record: ImageRecord): Promise<readonly string[]> {
  const { diffIds } = record;
  const content =
    diffIds === undefined ? await services.storedImage(record) : { layers: diffIds.map((diffId) => ({ diffId })) };
  return content === undefined ? [] : services.imageDiskKeys(content);
}

async function readImageDisks(services: RuntimeServices): Promise<StorageSnapshot['imageDisks']> {
  const boxes = await services.store.boxes.list();
  const label = (id: string) => boxes.find(({ config }) => config.id === id)?.config.name ?? id;
  try {
    return (await services.imageDiskUsage()).map(({ key, diskBytes, lastUsedAt, boxes: ids, bases, leases }) => ({
      key,
      bytes: diskBytes,
      lastUsedAt,
      users: [...ids.map(label), ...bases, ...leases.map(({ pid, purpose }) => `process ${pid} (${purpose})`)],
    }));
  } catch (cause) {
    // A VMM can write its box's disk: one that spoils the header must not keep everything else from being told and freed.
    services.log({ level: 'warn', message: 'which boxes stand on which image disks cannot be told', cause });
    return disksOfUnknownUse(services);
  }
}

/** Each counts as needed. */
async function disksOfUnknownUse({ layout }: RuntimeServices): Promise<StorageSnapshot['imageDisks']> {
  const names = await namesIn(layout.diskImagesDir);
  return Promise.all(
    names.map(async (name) => ({
      key: name.replace(/\..*$/, ''),
      bytes: await allocatedBytes(join(layout.diskImagesDir, name)),
      lastUsedAt: Date.now(),
      users: [UNKNOWN_USER],
    })),
  );
}

async function readGuestRootfs({ guestRootfsUsage, store }: RuntimeServices): Promise<StorageSnapshot['guestRootfs']> {
  const [disks, boxes] = await Promise.all([guestRootfsUsage(), store.boxes.list()]);
  const label = (id: string) => boxes.find(({ config }) => config.id === id)?.config.name ?? id;
  return disks.map(({ id, name, diskBytes, isCurrent, boxes: ids }) => ({
    name: name ?? id,
    bytes: diskBytes,
    isCurrent,
    boxes: ids.map(label),
  }));
}

async function readBoxes({ store, layout }: RuntimeServices): Promise<StorageSnapshot['boxes']> {
  const boxes = await store.boxes.list();
  return Promise.all(
    boxes.map(async (box) => {
      const { dir, snapshotsDir } = layout.box(box.config.id);
      return {
        name: boxLabel(box),
        // Snapshots are a kind of their own.
        bytes: Math.max(0, (await allocatedBytes(dir)) - (await allocatedBytes(snapshotsDir))),
        isRunning: isActive(box.state.status),
      };
    }),
  );
}

async function readStaging({ layout }: RuntimeServices): Promise<StorageSnapshot['staging']> {
  const names = (await namesIn(layout.tmpDir)).filter((name) => STAGING_NAME.test(name));
  return Promise.all(names.map(async (name) => ({ name, bytes: await allocatedBytes(join(layout.tmpDir, name)) })));
}
