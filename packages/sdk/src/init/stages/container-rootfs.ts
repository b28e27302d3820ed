import { access, rm } from 'node:fs/promises';
import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { STARTER_IMAGE } from '../../options/starter-image.js';
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
      if (!(await exists(box.containerDisk))) throw diskLost(record, box.containerDisk);
      context.image = kept;
      return;
    }
    const image = await services.resolveImage(options.image ?? STARTER_IMAGE, {
      signal,
      onProgress: context.onImageProgress,
    });
    const sizeBytes = options.diskSizeGb * BYTES_PER_GIB;
    const [base, disks] = await Promise.all([services.imageDisk(image, sizeBytes, signal), services.disks()]);
    // A disk without a recorded image was left by a start that died before anything ran from it.
    await rm(box.containerDisk, { force: true });
    await disks.createChild(box.containerDisk, { path: base, format: 'raw' }, { virtualSize: sizeBytes });
    // Recorded at once: a start that fails later keeps its disk, and the next start finds what belongs to it.
    await services.store.boxes.update(record.config.id, (state) => ({ ...state, image }));
    context.image = image;
  },
};

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
