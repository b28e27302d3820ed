import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { imageDiskIdentity } from '../template/template-image.js';
import type { TemplateRecord } from '../template/template-record.js';
import type { TemplateState } from './storage-snapshot.js';

/** The templates of a home, and which of them a box can still start from. */
export async function readTemplates({ templates, layout }: RuntimeServices): Promise<readonly TemplateState[]> {
  const [stored, inUse] = await Promise.all([templates.store.list(), templates.store.inUse()]);
  return stored.map(({ key, bytes, lastUsedAt, record, problem }) => ({
    ...{ key, bytes, lastUsedAt },
    isUsable: record !== undefined && problem === undefined && hasParts(layout, record),
    isInUse: inUse.has(key),
  }));
}

/** Kernel, guest rootfs and disk of the image it was made with: without them no machine has its key. */
function hasParts(
  { basesDir, kernelsDir }: RuntimeServices['layout'],
  { parts: { kernel, guestRootfs }, image }: TemplateRecord,
): boolean {
  if (image !== undefined && imageDiskIdentity(image.base) !== image.identity) return false;
  const name = kernel.replace(/^sha256:/, '');
  return existsSync(join(basesDir, basename(guestRootfs))) && existsSync(join(kernelsDir, basename(name)));
}
