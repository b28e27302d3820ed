import {
  type BoxId,
  BoxliteError,
  type BoxRecord,
  type BoxStateRecord,
  isActive,
  type Lease,
  type PluginRegistry,
} from '@boxlite/core';
import { createBoxId } from '@boxlite/layout';
import { Box } from '../box/box.js';
import { type BoxInfo, boxInfo } from '../box/box-info.js';
import { ownerLeaseEntity } from '../box/owner-lease.js';
import { reconciledRecord } from '../box/reconcile.js';
import { DEFAULT_STOP_GRACE_MS } from '../box/stop-box.js';
import { ImageLibrary } from '../images/image-library.js';
import { fileKernelRecord } from '../kernel/file-kernel-record.js';
import { absoluteImage } from '../options/absolute-image.js';
import { type BoxOptions, parseBoxOptions } from '../options/box-options.js';
import { type CacheOptions, parseCacheOptions } from '../options/cache-options.js';
import { withDefaultSecurity } from '../options/default-security.js';
import type { RegistryOptions } from '../options/registry-options.js';
import type { BoxPool } from '../pool/box-pool.js';
import { openPool } from '../pool/open-pool.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { pluginOrigins } from '../registry/plugin-origins.js';
import type { ForkOptions } from '../snapshot/fork-options.js';
import type { BoxHooks } from '../snapshot/hooks.js';
import { CacheKeeper } from '../storage/cache-keeper.js';
import { HomeStorage } from '../storage/home-storage.js';
import { TemplateKeeper } from '../template/template-keeper.js';
import { TemplateLibrary } from '../template/template-library.js';
import { DEFAULT_MAX_TEMPLATES, type TemplateOptions } from '../template/template-settings.js';
import { assembleServices } from './assemble-services.js';
import type { Log } from './log.js';
import { recoverHome } from './recovery/recover-home.js';
import type { RuntimeMetrics } from './runtime-metrics.js';
import type { RuntimeServices } from './runtime-services.js';

/** How a runtime is opened. */
export interface BoxliteOptions {
  /** Absolute; default `$BOXLITE_HOME`, else `~/.boxlite`. Several processes may share one home. */
  readonly homeDir?: string;
  /** Registries that need credentials, plain HTTP, mirrors or their own certificate rules, and those to search for names without a host. */
  readonly registries?: readonly RegistryOptions[];
  /**
   * Docker's configuration, for the credentials of registries that have none here: false does without, a text is the path of another file. Default:
   * `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, read when a registry asks for credentials.
   */
  readonly dockerConfig?: boolean | string;
  /** Bounds of the image cache; default: none, nothing is evicted. */
  readonly cache?: CacheOptions;
  /** Plugins to choose from; default: those of this package. */
  readonly registry?: PluginRegistry;
  /** Id of the VMM of boxes that name none; default: the best that is available. */
  readonly vmm?: string;
  /** Id of the sandbox of boxes that name none; default: the best that is available. */
  readonly sandbox?: string;
  /** Kernel of boxes that name none: id of a kernel source or absolute path, as the option `kernel` of a box; default: the best that is available. */
  readonly kernel?: string;
  /** Security options of boxes, for each that a box does not name. */
  readonly security?: BoxOptions['security'];
  /**
   * Whether boxes start from templates, and whether these are made in the background. Default: both, unless the variable `BOXLITE_TEMPLATES` is `off`.
   */
  readonly templates?: boolean | TemplateOptions;
  /** Called before boxes are captured and after they go on from a capture; see {@link BoxHooks}. */
  readonly hooks?: BoxHooks;
  readonly log?: Log;
  /** Another build of the guest agent, for those who work on it. Absolute; default: the one of `@boxlite/guest-agent`. */
  readonly agentPath?: string;
}

/**
 * One home of boxes. Opening it migrates the database and puts right what a crash left; closing it stops the boxes this process
 * started without `detach`.
 *
 * @example
 * ```ts
 * const boxlite = await Boxlite.open({ homeDir: '/tmp/my-home' });
 * const box = await boxlite.create({ memoryMib: 256 });
 * const { stdout } = await box.run('uname', ['-r']);
 * await boxlite.remove(box.id, { force: true });
 * await boxlite.shutdown();
 * ```
 */
export class Boxlite implements AsyncDisposable {
  readonly images: ImageLibrary;
  /** What this home takes on disk. */
  readonly system: HomeStorage;
  /** Machines captured before they became a box; boxes of the same shape start from them at once. */
  readonly templates: TemplateLibrary;
  readonly #keeper: CacheKeeper;
  readonly #templateKeeper: TemplateKeeper;
  readonly #services: RuntimeServices;
  readonly #lifetime: AbortController;
  readonly #chosen: Pick<BoxOptions, 'vmm' | 'sandbox' | 'kernel' | 'security'>;
  readonly #boxes = new Map<string, Box>();
  /** Say that boxes which remove themselves are still wanted; the store gives them back with the process at the latest. */
  readonly #owned = new Map<string, Lease>();
  readonly #pools = new Set<BoxPool>();
  #ending: Promise<void> | undefined;

  private constructor(services: RuntimeServices, lifetime: AbortController, options: BoxliteOptions) {
    const { vmm, sandbox, kernel, security, cache } = options;
    this.#services = services;
    this.#lifetime = lifetime;
    this.#chosen = {
      ...(vmm === undefined ? {} : { vmm }),
      ...(sandbox === undefined ? {} : { sandbox }),
      ...(kernel === undefined ? {} : { kernel }),
      ...(security === undefined ? {} : { security }),
    };
    this.#keeper = new CacheKeeper(services, cache ?? {});
    this.images = new ImageLibrary(services, this.#keeper);
    this.system = new HomeStorage(services);
    const maxTemplates = cache?.maxTemplates ?? DEFAULT_MAX_TEMPLATES;
    this.#templateKeeper = new TemplateKeeper(services, maxTemplates);
    this.templates = new TemplateLibrary(services, this.#templateKeeper, maxTemplates, this.#chosen);
    this.#keeper.tidy();
  }

  /** @throws BoxliteError `invalid_argument`, `config_error`, `permission_denied`, `database_newer`, `database_foreign`, `storage_error` */
  static async open(options: BoxliteOptions = {}): Promise<Boxlite> {
    const lifetime = new AbortController();
    if (options.cache !== undefined) parseCacheOptions(options.cache);
    if (options.security !== undefined) parseBoxOptions({ security: options.security });
    if (options.kernel !== undefined) parseBoxOptions({ kernel: options.kernel });
    let opened: Boxlite | undefined;
    const services = await assembleServices(options, {
      lifetime: lifetime.signal,
      hooks: options.hooks ?? {},
      newBoxes: {
        claim: async (record) => {
          if (opened === undefined) throw new TypeError('no box is made before the runtime is open');
          return opened.#claim(record);
        },
        handOut: async (box) => {
          if (opened !== undefined) await opened.#handOut(box);
        },
      },
      boxRemoved: async (id) => {
        if (opened !== undefined) await opened.#forget(id);
      },
      startedCold: (shape) => {
        if (opened !== undefined) opened.#templateKeeper.want(shape);
      },
      boxUsed: () => {
        if (opened !== undefined) opened.#templateKeeper.busy();
      },
    });
    try {
      await recoverHome(services);
    } catch (thrown) {
      await services.store.close();
      throw thrown;
    }
    opened = new Boxlite(services, lifetime, options);
    return opened;
  }

  /** Where this home is. */
  get homeDir(): string {
    return this.#services.layout.home;
  }

  /**
   * Records a new box; it is started by its first `exec` or by `start()`.
   * @throws BoxliteError `invalid_argument` naming the field; `already_exists` when the name is taken; `plugin_duplicate` when several image
   *   sources take the image; `kernel_unavailable` for a kernel's file that is none
   */
  create(options: BoxOptions = {}): Promise<Box> {
    return this.#create(options, {});
  }

  /**
   * Opens a pool of warm boxes, which fills itself in the background; see {@link PoolOptions}. It is drained with this runtime.
   *
   * @example
   * ```ts
   * await using pool = boxlite.pool({ image: 'python:3.12-alpine', size: 4 });
   * const box = await pool.take();
   * const { stdout } = await box.run('python3', ['-c', 'print(6 * 7)']);
   * await boxlite.remove(box.id, { force: true });
   * ```
   * @throws BoxliteError `invalid_argument` naming the field
   */
  pool(options: PoolOptions): BoxPool {
    this.#checkOpen();
    const runtime = {
      createPooled: (boxOptions: BoxOptions) => this.#create(boxOptions, { pooled: true }),
      handOut: (box: Box) => this.#handOut(box),
      log: this.#services.log,
    };
    const pool = openPool(runtime, options, (ended) => this.#pools.delete(ended));
    this.#pools.add(pool);
    return pool;
  }

  async #create(options: BoxOptions, { pooled }: Pick<BoxStateRecord, 'pooled'>): Promise<Box> {
    this.#checkOpen();
    const parsed = parseBoxOptions(withDefaults(options, this.#chosen));
    if (parsed.detach && parsed.autoRemove) {
      throw new BoxliteError('invalid_argument', 'a detached box cannot be removed automatically', {
        hint: 'leave out one of detach and autoRemove',
        details: { field: 'autoRemove' },
      });
    }
    const now = Date.now();
    const image = parsed.image === undefined ? undefined : absoluteImage(parsed.image);
    const imageOrigin = image === undefined ? undefined : await this.#services.imageSourceOrigin(image);
    const kernel = await fileKernelRecord(this.#services.kernel, parsed.kernel);
    const origins = {
      ...pluginOrigins(this.#services.registry, parsed),
      ...(imageOrigin === undefined ? {} : { 'image-source': imageOrigin }),
    };
    const record: BoxRecord = {
      config: {
        id: createBoxId(),
        createdAt: now,
        options: image === undefined ? parsed : { ...parsed, image },
        ...(parsed.name === undefined ? {} : { name: parsed.name }),
        ...(Object.keys(origins).length === 0 ? {} : { pluginOrigins: origins }),
      },
      state: {
        status: 'configured',
        updatedAt: now,
        ...(kernel === undefined ? {} : { kernel }),
        ...(pooled === true ? { pooled } : {}),
      },
    };
    if (parsed.autoRemove || pooled === true) await this.#own(record.config.id);
    return this.#add(record);
  }

  async #claim(record: BoxRecord): Promise<Box> {
    this.#checkOpen();
    await this.#own(record.config.id);
    return this.#add(record);
  }

  async #add(record: BoxRecord): Promise<Box> {
    await this.#insert(record);
    this.#services.metrics.boxesCreated += 1;
    return this.#handle(record);
  }

  /**
   * Makes a new box that goes on from a snapshot of another one: its memory, its disk as it was then, its processes where they were. Entropy, clock, boot id,
   * host name and the environment of commands to come are its own; what processes have in memory is as it was. `Box.restore` puts a box itself back.
   * @param from the box, by id or name, and the name of its snapshot
   * @param options.name of the new box; default: none
   * @param options.detach,options.autoRemove default: as the box of the snapshot has them
   * @throws BoxliteError `not_found`, `already_exists`, `snapshot_invalid` when nothing can go on from it here; what a start and `onAfterRestore` throw
   */
  async restore(
    from: { readonly box: string; readonly snapshot: string },
    options: Omit<ForkOptions, 'names'> = {},
  ): Promise<Box> {
    this.#checkOpen();
    const box = await this.get(from.box);
    if (box === null) throw notFound(from.box);
    return box.restoreNew(from.snapshot, options);
  }

  /** @param idOrName exact id, name, or a unique beginning of an id. Null when there is none. */
  async get(idOrName: string): Promise<Box | null> {
    this.#checkOpen();
    const record = await this.#services.store.boxes.find(idOrName);
    return record === undefined ? null : this.#handle(record);
  }

  /** Every box, oldest first, as it really is: dead ones are found out. */
  async list(): Promise<readonly BoxInfo[]> {
    this.#checkOpen();
    const { layout, store } = this.#services;
    const infos = (await store.boxes.list()).map(async ({ config }) => {
      const box = layout.box(config.id);
      const record = await reconciledRecord(this.#services, config.id, box);
      return record === undefined ? undefined : boxInfo(record, box.dir);
    });
    return (await Promise.all(infos)).filter((info) => info !== undefined);
  }

  /**
   * Removes a box with its files.
   * @param options.force kills a running one first
   * @throws BoxliteError `not_found`; `invalid_state` when it runs and `force` is not set
   */
  async remove(idOrName: string, options: { readonly force?: boolean } = {}): Promise<void> {
    this.#checkOpen();
    const box = await this.get(idOrName);
    if (box === null) throw notFound(idOrName);
    await box.remove(options.force === true);
  }

  async metrics(): Promise<RuntimeMetrics> {
    const running = (await this.list()).filter((info) => isActive(info.status)).length;
    return this.#services.metrics.snapshot(running);
  }

  /**
   * Stops the boxes this process has started without `detach`, undoes starts that are going on, then closes. Idempotent.
   * @param options.graceMs milliseconds for each box, default 10 000
   */
  shutdown(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#ending ??= this.#end(options.graceMs ?? DEFAULT_STOP_GRACE_MS);
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #end(graceMs: number): Promise<void> {
    this.#lifetime.abort(
      new BoxliteError('stopped', 'this runtime has been shut down', { hint: 'open a new one with Boxlite.open()' }),
    );
    // What is warm in a pool is removed, not only stopped.
    const drained = await Promise.allSettled([...this.#pools].map((pool) => pool.drain()));
    const retired = [...this.#boxes.values()].map((box) => box.retire(graceMs));
    const results = await Promise.allSettled([...retired, this.#keeper.idle(), this.#templateKeeper.end()]);
    await this.#services.store.close();
    const failed = [...drained, ...results].find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** The record first: whoever dies in between leaves a box that is its taker's. */
  async #handOut(box: Box): Promise<void> {
    await this.#services.store.boxes.update(box.id, ({ pooled: _pooled, ...state }) => state);
    const record = await this.#services.store.boxes.get(box.id);
    if (record === undefined || !parseBoxOptions(record.config.options).autoRemove) await this.#disown(box.id);
  }

  async #own(id: BoxId): Promise<void> {
    this.#owned.set(id, await this.#services.store.leases.acquire(ownerLeaseEntity(id), 'own', { shared: true }));
  }

  async #insert({ config, state }: BoxRecord): Promise<void> {
    try {
      // A power cut takes a box that removes itself along; its record then misses nobody.
      const isKept = state.pooled !== true && !parseBoxOptions(config.options).autoRemove;
      await this.#services.store.boxes.insert(config, state, { durable: isKept });
    } catch (thrown) {
      await this.#forget(config.id);
      throw thrown;
    }
  }

  async #forget(id: BoxId): Promise<void> {
    this.#boxes.delete(id);
    await this.#disown(id);
  }

  async #disown(id: BoxId): Promise<void> {
    const lease = this.#owned.get(id);
    this.#owned.delete(id);
    await lease?.release();
  }

  #handle(record: BoxRecord): Box {
    const known = this.#boxes.get(record.config.id);
    if (known !== undefined) return known;
    const box = new Box(this.#services, record);
    this.#boxes.set(record.config.id, box);
    return box;
  }

  #checkOpen(): void {
    this.#lifetime.signal.throwIfAborted();
  }
}

/** An option given as undefined is one that was not given. */
function withDefaults(
  options: BoxOptions,
  { vmm, sandbox, kernel, security }: Pick<BoxOptions, 'vmm' | 'sandbox' | 'kernel' | 'security'>,
): BoxOptions {
  // What is not an object is refused by the parser.
  if (!isObject(options) || (options.security !== undefined && !isObject(options.security))) return options;
  return {
    ...options,
    ...(options.vmm === undefined && vmm !== undefined ? { vmm } : {}),
    ...(options.sandbox === undefined && sandbox !== undefined ? { sandbox } : {}),
    ...(options.kernel === undefined && kernel !== undefined ? { kernel } : {}),
    ...(security === undefined ? {} : { security: withDefaultSecurity(options.security ?? {}, security) }),
  };
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;

function notFound(idOrName: string): BoxliteError {
  return new BoxliteError('not_found', `there is no box ${JSON.stringify(idOrName)}`, {
    hint: 'list the boxes of this home with `boxlite ls`',
    details: { field: 'id' },
  });
}
