import { BoxliteError } from '@boxlite/core';
import { required } from '../init/start-context.js';
import type { BlankDisk, BlankMachine } from './blank-machine.js';
import { firstReads } from './first-reads.js';
import type { MachineShape } from './machine-shape.js';
import { describeLargeFile, type LargeFile } from './snapshot-files.js';
import { checkTemplateDisk, copyTemplateDisk } from './template-disk.js';
import { type ImageParts, imageDiskIdentity, type NewDisk } from './template-image.js';
import { type TemplateParts, templateKey } from './template-key.js';
import { templateDisk } from './template-store.js';

/** The disk of a machine that is captured for an image. */
export interface PreparedDisk {
  /** Copies it to the template; to be called while the machine stands still. */
  copy(): Promise<void>;
  /** @throws BoxliteError `snapshot_invalid` for a copy that no box can be given */
  describe(signal: AbortSignal | undefined): Promise<LargeFile>;
  /** For the machine the template is tried with. */
  readonly trialDisk: BlankDisk;
}

/** What a template of an image is made of, before it is made. @throws BoxliteError `not_found` when its disk is gone */
export function imageParts(
  { context }: BlankMachine,
  { image }: MachineShape,
  parts: TemplateParts,
  { base, virtualSize }: NewDisk,
): ImageParts {
  const identity = imageDiskIdentity(base);
  const { store, format } = required(context, 'disk');
  if (identity === undefined || image === undefined) {
    throw new BoxliteError('not_found', `the disk of the image is gone: ${base}`, { details: { path: base } });
  }
  const { reference } = image.image;
  return { shape: templateKey(parts), reference, base, identity, virtualSize, store, format };
}

/**
 * Has the guest mount the disk of the image and read what a first command needs, all of it without running anything of the image, and says how that disk
 * becomes part of the template.
 * @param directory of the template that is being made
 * @throws BoxliteError of the agent: `image_invalid`, `disk_invalid`
 */
export async function prepareImage(
  { context }: BlankMachine,
  { image, options }: MachineShape,
  directory: string,
): Promise<PreparedDisk> {
  if (image === undefined) throw new TypeError('there is no image to prepare');
  const disk = required(context, 'disk');
  const stored = templateDisk(directory, disk);
  await required(context, 'agent').prepare(
    { diskBytes: image.virtualSize, ...firstReads(image.image.config, options.memoryMib) },
    context.signal,
  );
  return {
    copy: () => copyTemplateDisk({ from: disk.path, format: disk.format }, stored),
    async describe(signal) {
      await checkTemplateDisk(await context.services.disks(disk.store), stored, disk);
      return describeLargeFile(stored, 'disk', signal);
    },
    trialDisk: { copyOf: stored, format: disk.format, base: disk.base ?? stored },
  };
}
