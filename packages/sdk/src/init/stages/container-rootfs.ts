import { access, rm } from 'node:fs/promises';
import { BoxliteError, type BoxRecord, type ResolvedImage } from '@boxlite/core';
import { STARTER_IMAGE } from '../../options/starter-image.js';
import { checkImageSource } from '../../registry/plugin-origins.js';
import { containerDiskOf, containerDiskPath } from '../container-disk.js';
import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';

const BYTES_PER_GIB = 1024 ** 3;

/** The container disk: the box's own from an earlier start, else a copy-on-write child of the image's disk. */
export const containerRootfs: Stage<StartContext> = {
  name: 'container-rootfs',
  async run(context) {
    const { services, box, options, record, signal } = context;
    const kept = record.state.image;
    if (kept !== undefined) {
      const disk = containerDiskOf(record.state, box);
      if (!(await exists(disk.path))) throw diskLost(record, disk.path);
      context.image = kept;
      context.disk = disk;
      return;
    }
    checkImageSource(record, services.registry);
    const [image, disks] = await Promise.all([
      services.resolveImage(options.image ?? STARTER_IMAGE, {
        pull: options.pull,
        signal,
        onProgress: context.onImageProgress,
      }),
      services.disks(),
    ]);
    const sizeBytes = options.diskSizeGb * BYTES_PER_GIB;
    const base = await services
      .imageDisk(image, { sizeBytes, signal, onProgress: context.onDiskProgress })
      .catch((thrown: unknown) => {
        throw inOptionNames(thrown, image, options.diskSizeGb);
      });
    try {
      // A disk without a recorded image was left by a start that died before anything ran from it.
      await Promise.all([box.containerDisk, box.rawContainerDisk].map((left) => rm(left, { force: true })));
      // Larger than its base where the box asks for more: the guest grows the file system when it first starts.
      const path = containerDiskPath(disks.format ?? 'qcow2', box);
      const { format } = await disks.createChild(path, { path: base.path, format: 'raw' }, { virtualSize: sizeBytes });
      // A raw disk stands alone; an overlay names its base where the VMM can write, so that it is kept here, too.
      const disk = { store: disks.id, format, ...(format === 'raw' ? {} : { base: base.path }) };
      // Recorded at once: a start that fails later keeps its disk, and the next start finds what belongs to it. Against a power cut it is made safe
      // while the machine starts, before anything of the user's runs from it (guest-connect).
      await services.store.boxes.update(record.config.id, (state) => ({ ...state, image, disk }), { durable: false });
      context.disk = { path, ...disk };
      context.newDisk = { base: base.path, virtualSize: sizeBytes };
    } finally {
      await base.release();
    }
    context.image = image;
  },
};

/** The cache counts bytes, the option GiB. */
function inOptionNames(thrown: unknown, { reference }: ResolvedImage, diskSizeGb: number): unknown {
  if (!BoxliteError.isInstance(thrown, 'invalid_argument') || thrown.details.field !== 'sizeBytes') return thrown;
  const needed = Math.ceil(Number(thrown.details.needed) / BYTES_PER_GIB);
  return new BoxliteError(
    'invalid_argument',
    `a disk of ${diskSizeGb} GiB is too small for the image ${reference}, which needs ${needed} GiB`,
    {
      hint: `set diskSizeGb (--disk-size) to ${needed} or more`,
      cause: thrown,
      details: { field: 'diskSizeGb', needed },
    },
  );
}

/** Never made again in silence: the files of the box were on it. */
function diskLost({ config }: BoxRecord, path: string): BoxliteError {
  return new BoxliteError(
    'storage_error',
    `the disk of box ${config.name ?? config.id} is lost: ${path} does not exist`,
    {
      hint: 'put the file back; otherwise its content is gone: remove the box and create it again',
      details: { field: 'containerDisk', path },
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
