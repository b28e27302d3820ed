import type {
  BaseDiskId,
  BaseDiskRecord,
  BoxConfigRecord,
  BoxId,
  BoxStateRecord,
  Digest,
  ImageRecord,
  SnapshotRecord,
} from '@boxlite/core';
import { isDigest, JAIL_LAYER_NAMES, parseBaseDiskId, parseBoxId, START_ORIGINS, TEMPLATE_KINDS } from '@boxlite/core';
import * as z from 'zod';
import type { DocumentKind } from './document.js';
import { resolvedImageSchema } from './resolved-image-schema.js';

const count = z.int().nonnegative();
/** Clocks of file systems have fractions of milliseconds. */
const time = z.number().nonnegative();
const boxId = z.custom<BoxId>((value) => parses(parseBoxId, value), 'is not a box id');
const baseDiskId = z.custom<BaseDiskId>((value) => parses(parseBaseDiskId, value), 'is not a base disk id');
const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a digest');
const processIdentity = z.object({ pid: z.int().positive(), startTime: time });

const kernelRecord = z.object({ source: z.string(), digest, version: z.string() });

const jailRecord = z.object({
  name: z.string(),
  layers: z.array(
    z.object({
      name: z.enum(JAIL_LAYER_NAMES),
      state: z.enum(['active', 'partial', 'inactive']),
      detail: z.string(),
    }),
  ),
  cgroupDir: z.string().exactOptional(),
});

export const boxConfigKind: DocumentKind<BoxConfigRecord> = {
  table: 'box_config',
  key: 'id',
  schema: z.object({
    id: boxId,
    name: z.string().exactOptional(),
    createdAt: time,
    options: z.record(z.string(), z.unknown()),
    pluginOrigins: z.record(z.string(), z.string()).exactOptional(),
    parent: z.object({ boxId, snapshot: z.string().exactOptional() }).exactOptional(),
  }),
};

/** State as stored: with the id of its box, which ties document and row together. */
export type StoredBoxState = BoxStateRecord & { readonly id: BoxId };

export const boxStateKind: DocumentKind<StoredBoxState> = {
  table: 'box_state',
  key: 'id',
  schema: z.object({
    id: boxId,
    status: z.enum(['unknown', 'configured', 'running', 'stopping', 'stopped', 'paused', 'failed']),
    supervisor: processIdentity.exactOptional(),
    vmm: processIdentity.exactOptional(),
    image: resolvedImageSchema.exactOptional(),
    disk: z
      .object({ store: z.string(), format: z.enum(['raw', 'qcow2']), base: z.string().exactOptional() })
      .exactOptional(),
    nextDisk: z.object({ store: z.string(), format: z.enum(['raw', 'qcow2']), base: z.string() }).exactOptional(),
    guestRootfs: z.string().exactOptional(),
    vmmId: z.string().exactOptional(),
    hostUid: z.int().positive().exactOptional(),
    jail: jailRecord.exactOptional(),
    kernel: kernelRecord.exactOptional(),
    startedFrom: z.enum(START_ORIGINS).exactOptional(),
    template: z.string().exactOptional(),
    templateKind: z.enum(TEMPLATE_KINDS).exactOptional(),
    pooled: z.literal(true).exactOptional(),
    errorReason: z.string().exactOptional(),
    exitCode: z.int().exactOptional(),
    startedAt: time.exactOptional(),
    updatedAt: time,
  }),
};

export const imageKind: DocumentKind<ImageRecord> = {
  table: 'image_index',
  key: 'reference',
  schema: z.object({
    reference: z.string(),
    manifestDigest: digest,
    configDigest: digest,
    layers: z.array(digest),
    diffIds: z.array(digest).exactOptional(),
    sizeBytes: count,
    cachedAt: time,
    complete: z.boolean(),
    lastUsedAt: time.exactOptional(),
  }),
};

export const baseDiskKind: DocumentKind<BaseDiskRecord> = {
  table: 'base_disk',
  key: 'id',
  schema: z.object({
    id: baseDiskId,
    sourceBoxId: z.string(),
    name: z.string().exactOptional(),
    kind: z.enum(['snapshot', 'clone_base', 'rootfs']),
    basePath: z.string(),
    containerDiskBytes: count,
    sizeBytes: count,
    createdAt: time,
  }),
};

const capturedFiles = z.object({
  memory: z.object({
    bytes: count,
    sha256: z.string(),
    identity: z.object({ ino: z.string(), mtimeNs: z.string(), ctimeNs: z.string() }),
  }),
  state: z.object({ bytes: count, sha256: z.string() }),
});

export const snapshotKind: DocumentKind<SnapshotRecord> = {
  table: 'snapshot',
  key: 'id',
  schema: z.object({
    id: z.string(),
    boxId,
    name: z.string(),
    createdAt: time,
    containerDiskBytes: count,
    sizeBytes: count,
    baseDiskId: baseDiskId.exactOptional(),
    machine: z
      .object({
        vmmId: z.string(),
        key: z.string(),
        kernel: kernelRecord,
        guestRootfs: z.string(),
      })
      .exactOptional(),
    files: capturedFiles.exactOptional(),
  }),
};

function parses(parse: (text: string) => unknown, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    parse(value);
    return true;
  } catch {
    return false; // the parser throws for what is no id; zod words the error
  }
}
