import { BoxliteError, type RunningVm, type VmmSnapshot } from '@boxlite/core';
import { guestReadyTimeoutMs } from '../init/connect-guest.js';
import { required } from '../init/start-context.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { type BlankDisk, type BlankMachine, withBlankMachine } from './blank-machine.js';
import type { MachineShape } from './machine-shape.js';
import { imageParts, prepareImage } from './prepare-image.js';
import { describeSnapshotFiles } from './snapshot-files.js';
import { partsOf } from './start-machine.js';
import { imageTemplateKey, type NewDisk } from './template-image.js';
import { TEMPLATE_FORMAT, type TemplateParts, templateKey } from './template-key.js';

/** What is being done for a template; `prepare` for that of an image only. */
export type TemplateStep = 'boot' | 'prepare' | 'capture' | 'verify' | 'install';

/** How a template is made. */
export interface MakeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Leaves the processors to everybody else. */
  readonly isBackground?: boolean;
  readonly onStep?: ((step: TemplateStep) => void) | undefined;
}

/** What became of it. */
export interface MadeTemplate {
  readonly key: string;
  /** False when it was there already. */
  readonly isNew: boolean;
}

/** One is made at a time in a home. */
export const MAKE_LEASE_ENTITY = 'template-make';
/** Another process that makes one is waited for by somebody who asked for a template; in the background there will be another occasion. */
const MAKE_WAIT_MS = 120_000;
/** Of the disk a new template of a shape is tried with: another size than the one it was captured with, as a box's has. */
const TRIAL_DISK_BYTES = 1024 ** 3;

/**
 * Boots a blank machine of a shape, captures it before it becomes a box, starts another one from the capture, and only then installs it. For an image, the
 * machine has mounted its disk, and that disk is part of the template.
 * @throws BoxliteError `unsupported` for a VMM without templates; `lease_held` when another process makes it for too long; what a start throws;
 *   `snapshot_invalid` when what was captured does not start; `aborted`
 */
export async function makeTemplate(
  services: RuntimeServices,
  shape: MachineShape,
  options: MakeOptions = {},
): Promise<MadeTemplate> {
  const { image } = shape;
  if (image === undefined) return make(services, shape, options, undefined);
  const { signal } = options;
  const base = await services.imageDisk(image.image, { sizeBytes: image.virtualSize, signal });
  try {
    return await make(services, shape, options, { base: base.path, virtualSize: image.virtualSize });
  } finally {
    await base.release();
  }
}

async function make(
  services: RuntimeServices,
  shape: MachineShape,
  options: MakeOptions,
  disk: NewDisk | undefined,
): Promise<MadeTemplate> {
  const { signal, onStep, isBackground = false } = options;
  const blankOptions = { signal, isBackground, ...(disk === undefined ? {} : { disk }) };
  return withBlankMachine(services, shape, blankOptions, async (blank) => {
    const parts = await partsOf(blank.context, blank.machine);
    if (parts === undefined) throw withoutTemplates(blank);
    const ofImage = disk === undefined ? undefined : imageParts(blank, shape, parts, disk);
    const key = ofImage === undefined ? templateKey(parts) : imageTemplateKey(ofImage);
    const lease = await services.store.leases.acquire(MAKE_LEASE_ENTITY, 'template', {
      waitMs: isBackground ? 0 : MAKE_WAIT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      if (await isUsable(services, key)) return { key, isNew: false };
      const { area, files } = await services.templates.store.begin();
      try {
        onStep?.('boot');
        await blank.start(guestReadyTimeoutMs(shape.options));
        if (ofImage !== undefined) onStep?.('prepare');
        const stored = ofImage === undefined ? undefined : await prepareImage(blank, shape, area.dir);
        onStep?.('capture');
        await snapshotOf(blank)(files, { signal, ...(stored === undefined ? {} : { whileStill: stored.copy }) });
        await blank.context.undoSpawn?.();
        onStep?.('verify');
        const described = await describeSnapshotFiles(files, signal);
        const describedDisk = await stored?.describe(signal);
        await tryOut(services, shape, options, { files, ...(stored === undefined ? {} : { disk: stored.trialDisk }) });
        onStep?.('install');
        await services.templates.store.discard(key);
        const outcome = await services.templates.store.install(area, {
          ...{ format: TEMPLATE_FORMAT, key, createdAt: Date.now(), parts: mutable(parts) },
          ...{ kernel: kernelOf(blank), files: described },
          ...(ofImage === undefined || describedDisk === undefined
            ? {}
            : { image: { ...ofImage, disk: describedDisk } }),
        });
        return { key, isNew: outcome === 'installed' };
      } finally {
        await area.remove();
      }
    } finally {
      await lease.release();
    }
  });
}

/** One that cannot be used is made again. */
async function isUsable({ templates }: RuntimeServices, key: string): Promise<boolean> {
  try {
    const held = await templates.store.hold(key);
    await held?.release();
    return held !== undefined;
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'snapshot_invalid')) return false;
    throw thrown;
  }
}

/**
 * A start from what was captured, by a machine of its own, with a disk of another size where that may differ, and else until it is a box: what does not work
 * here would not work for a box.
 */
async function tryOut(
  services: RuntimeServices,
  shape: MachineShape,
  { signal, isBackground = false }: MakeOptions,
  { files, disk }: { readonly files: VmmSnapshot; readonly disk?: BlankDisk },
): Promise<void> {
  const options = { signal, isBackground, disk: disk ?? { bytes: TRIAL_DISK_BYTES } };
  try {
    await withBlankMachine(services, shape, options, async (trial) => {
      await trial.start(guestReadyTimeoutMs(shape.options), files);
      if (disk !== undefined) await required(trial.context, 'agent').init({ hostname: 'trial' }, signal);
    });
  } catch (thrown) {
    if (signal?.aborted === true) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new BoxliteError('snapshot_invalid', `the template that was made does not start: ${why}`, {
      hint: 'boxes of this shape boot as before; see `boxlite --debug template build`',
      cause: thrown,
    });
  }
}

function snapshotOf({ context }: BlankMachine): NonNullable<RunningVm['snapshot']> {
  const vm = required(context, 'vm');
  if (vm.snapshot === undefined) throw withoutTemplates({ context });
  return vm.snapshot.bind(vm);
}

function kernelOf({ context }: BlankMachine) {
  const { version, origin } = required(context, 'kernel');
  return { version, origin };
}

const mutable = ({ commandLine, disks, ...rest }: TemplateParts) => ({
  ...rest,
  commandLine: [...commandLine],
  disks: [...disks],
});

function withoutTemplates({ context }: Pick<BlankMachine, 'context'>): BoxliteError {
  const { id } = required(context, 'vmm');
  return new BoxliteError(
    'unsupported',
    `the vmm ${JSON.stringify(id)} has no templates: it cannot capture a machine`,
    {
      hint: 'use one that can: --vmm qemu',
      details: { field: 'vmm', vmm: id },
    },
  );
}
