import { BoxliteError, type TemplateKind } from '@boxlite/core';
import { absoluteImage } from '../options/absolute-image.js';
import { parseBoxOptions } from '../options/box-options.js';
import { STARTER_IMAGE } from '../options/starter-image.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { evictTemplates } from './evict-templates.js';
import { machineShape, type ShapeOptions, shapeOptions } from './machine-shape.js';
import { MAKE_LEASE_ENTITY, makeTemplate, type TemplateStep } from './make-template.js';
import type { TemplateImage } from './template-image.js';
import type { TemplateKeeper } from './template-keeper.js';
import { templateProblem } from './template-problem.js';
import type { StoredTemplate } from './template-store.js';

const BYTES_PER_GIB = 1024 ** 3;

/** Which template is made, and how that is watched and ended. */
export interface BuildTemplateOptions extends ShapeOptions {
  /** An image: the template is for boxes of it, whose disk is new and of this size. Default: for any box of the shape. */
  readonly image?: string | undefined;
  /** Size of the boxes' disk, in GiB; with `image`. Default 10. */
  readonly diskSizeGb?: number | undefined;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: TemplateStep) => void;
  /** Leaves the processors to everybody else, and gives up at once when another process makes one. Default false. */
  readonly background?: boolean;
}

/** A template of the home. */
export interface TemplateInfo {
  /** Also the name of its directory. */
  readonly key: string;
  /** For any box of its shape, or for boxes of one image in that shape. Null, as what follows, when its record cannot be read. */
  readonly kind: TemplateKind | null;
  /** Of a template for an image: its reference when the template was made, and the size of the disk, in bytes. */
  readonly image: { readonly reference: string; readonly diskBytes: number } | null;
  readonly vmm: string | null;
  readonly cpus: number | null;
  readonly memoryMib: number | null;
  /** Of the box's disk. */
  readonly diskFormat: 'raw' | 'qcow2' | null;
  readonly kernel: { readonly version: string; readonly digest: string; readonly origin: string } | null;
  /** Bytes on disk. */
  readonly bytes: number;
  /** RFC 3339. */
  readonly createdAt: string | null;
  readonly lastUsedAt: string;
  /** Why it cannot be used; null when it can. */
  readonly problem: string | null;
  readonly directory: string;
}

/** A template that is to be made. */
export type WantedTemplate = Omit<BuildTemplateOptions, 'signal' | 'onStep' | 'background'>;

/** A template that was built. */
export interface BuiltTemplate extends TemplateInfo {
  /** False when it was there already. */
  readonly isNew: boolean;
}

/** The templates of a home: machines captured before they became a box, from which boxes of the same shape start at once. */
export class TemplateLibrary {
  readonly #services: RuntimeServices;
  readonly #keeper: TemplateKeeper;
  readonly #max: number;
  readonly #chosen: ShapeOptions;

  /** @internal */
  constructor(services: RuntimeServices, keeper: TemplateKeeper, max: number, chosen: ShapeOptions) {
    this.#services = services;
    this.#keeper = keeper;
    this.#max = max;
    this.#chosen = chosen;
  }

  /**
   * Makes the template of a shape, unless there is one that can be used: boots a machine, captures it, and tries whether one starts from the capture.
   * @param options of the boxes it is for; names and environment do not matter
   * @throws BoxliteError `unsupported` for a VMM that cannot capture machines, `invalid_argument` naming the field, `lease_held`, what a start throws,
   *   `snapshot_invalid` when boxes cannot start from it on this machine, `aborted`
   */
  async build(options: BuildTemplateOptions = {}): Promise<BuiltTemplate> {
    this.#services.lifetime.throwIfAborted();
    const { signal, onStep, background, image, diskSizeGb, ...wanted } = options;
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    if (image === undefined && diskSizeGb !== undefined) throw sizeWithoutImage();
    const ends = signal === undefined ? this.#services.lifetime : AbortSignal.any([signal, this.#services.lifetime]);
    const known = image === undefined ? {} : { image: await this.#image(image, diskSizeGb, ends) };
    const shape = machineShape({ ...this.#chosen, ...given }, known);
    const { key, isNew } = await makeTemplate(this.#services, shape, {
      signal: ends,
      onStep,
      isBackground: background === true,
    });
    await evictTemplates(this.#services, Math.max(1, this.#max));
    const built = (await this.list()).find((template) => template.key === key);
    if (built === undefined) throw notFound(key);
    return { ...built, isNew };
  }

  /**
   * All templates, the most recently used first.
   * @param options.verify reads each of them whole, to find what a start does not look for
   * @throws BoxliteError `storage_error`, `aborted`
   */
  async list(
    options: { readonly verify?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<readonly TemplateInfo[]> {
    this.#services.lifetime.throwIfAborted();
    const stored = [...(await this.#services.templates.store.list())].reverse();
    if (options.verify !== true) return stored.map((one) => templateInfo(one));
    const verified: TemplateInfo[] = [];
    for (const one of stored) verified.push(templateInfo(one, await templateProblem(one, options.signal)));
    return verified;
  }

  /**
   * Removes a template; boxes that started from it are not touched.
   * @param keyOrPrefix a key, or its beginning
   * @returns its key
   * @throws BoxliteError `not_found`; `invalid_argument` for the beginning of several; `lease_held` while a box starts from it
   */
  async remove(keyOrPrefix: string): Promise<string> {
    this.#services.lifetime.throwIfAborted();
    const key = await this.#find(keyOrPrefix);
    if (!(await this.#services.templates.store.remove(key))) throw notFound(keyOrPrefix);
    return key;
  }

  /** Resolves when the templates that are made in the background are there, without waiting for the process to come to rest. */
  async idle(): Promise<void> {
    await this.#keeper.idle();
  }

  /**
   * Options of `build` for the templates that would be made in the background, are not there yet, and are made by nobody else right now: for a program
   * that is about to end and leaves them to another one.
   */
  async wanted(): Promise<readonly WantedTemplate[]> {
    const { templates, store } = this.#services;
    const missing = this.#keeper.wanted.filter(({ key }) => key === undefined || !templates.store.has(key));
    if (missing.length === 0 || (await store.leases.holders(MAKE_LEASE_ENTITY)).some(({ pid }) => pid !== process.pid))
      return [];
    return missing.map(({ options, image }) => ({
      ...shapeOptions(options),
      ...(image === undefined ? {} : { image: image.image.reference, diskSizeGb: image.virtualSize / BYTES_PER_GIB }),
    }));
  }

  async #image(reference: string, diskSizeGb: number | undefined, signal: AbortSignal): Promise<TemplateImage> {
    const options = parseBoxOptions({
      image: absoluteImage(reference),
      ...(diskSizeGb === undefined ? {} : { diskSizeGb }),
    });
    const image = await this.#services.resolveImage(options.image ?? STARTER_IMAGE, { signal });
    return { image, virtualSize: options.diskSizeGb * BYTES_PER_GIB };
  }

  async #find(text: string): Promise<string> {
    const keys = (await this.#services.templates.store.list()).map(({ key }) => key);
    const matching = keys.filter((key) => key.startsWith(text) && text !== '');
    const [only] = matching;
    if (matching.length === 1 && only !== undefined) return only;
    if (matching.length === 0) throw notFound(text);
    throw new BoxliteError(
      'invalid_argument',
      `${JSON.stringify(text)} is the beginning of ${matching.length} templates`,
      {
        hint: 'give more of the key',
        details: { field: 'key', keys: matching },
      },
    );
  }
}

function templateInfo(
  { key, directory, bytes, lastUsedAt, record, problem }: StoredTemplate,
  found = problem,
): TemplateInfo {
  const parts = record?.parts;
  return {
    key,
    kind: record === undefined ? null : record.image === undefined ? 'shape' : 'image',
    image:
      record?.image === undefined ? null : { reference: record.image.reference, diskBytes: record.image.virtualSize },
    vmm: parts?.vmm ?? null,
    cpus: parts?.cpus ?? null,
    memoryMib: parts?.memoryMib ?? null,
    diskFormat: parts?.disks[0]?.format ?? null,
    kernel: record === undefined ? null : { ...record.kernel, digest: record.parts.kernel },
    bytes,
    createdAt: record === undefined ? null : new Date(record.createdAt).toISOString(),
    lastUsedAt: new Date(lastUsedAt).toISOString(),
    problem: found ?? null,
    directory,
  };
}

function sizeWithoutImage(): BoxliteError {
  return new BoxliteError('invalid_argument', 'the template of a shape is for disks of any size', {
    hint: 'name the image, too, or leave out diskSizeGb (--disk-size)',
    details: { field: 'diskSizeGb' },
  });
}

function notFound(key: string): BoxliteError {
  return new BoxliteError('not_found', `there is no template ${JSON.stringify(key)}`, {
    hint: 'list the templates of this home with `boxlite template ls`',
    details: { field: 'key' },
  });
}
