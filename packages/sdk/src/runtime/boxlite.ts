import { BoxliteError, type BoxRecord, isActive, type PluginRegistry } from '@boxlite/core';
import { createBoxId } from '@boxlite/layout';
import { Box } from '../box/box.js';
import { type BoxInfo, boxInfo } from '../box/box-info.js';
import { reconciledState } from '../box/reconcile.js';
import { removeBoxFiles } from '../box/remove-box.js';
import { DEFAULT_STOP_GRACE_MS } from '../box/stop-box.js';
import { withBoxLease } from '../box/with-box-lease.js';
import { type BoxOptions, parseBoxOptions } from '../options/box-options.js';
import type { RegistryOptions } from '../options/registry-options.js';
import { assembleServices } from './assemble-services.js';
import { ImageLibrary } from './image-library.js';
import type { Log } from './log.js';
import { recoverHome } from './recover-home.js';
import type { RuntimeMetrics } from './runtime-metrics.js';
import type { RuntimeServices } from './runtime-services.js';

/** How a runtime is opened. */
export interface BoxliteOptions {
  /** Absolute; default `$BOXLITE_HOME`, else `~/.boxlite`. Several processes may share one home. */
  readonly homeDir?: string;
  /** Registries that need credentials, plain HTTP or their own certificate rules. */
  readonly registries?: readonly RegistryOptions[];
  /** Plugins to choose from; default: those of this package. */
  readonly registry?: PluginRegistry;
  readonly log?: Log;
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
  readonly #services: RuntimeServices;
  readonly #boxes = new Map<string, Box>();
  #closed = false;

  private constructor(services: RuntimeServices) {
    this.#services = services;
    this.images = new ImageLibrary(services);
  }

  /** @throws BoxliteError `config_error`, `permission_denied`, `database_newer`, `database_foreign`, `storage_error` */
  static async open(options: BoxliteOptions = {}): Promise<Boxlite> {
    const services = await assembleServices(options);
    try {
      await recoverHome(services);
    } catch (thrown) {
      await services.store.close();
      throw thrown;
    }
    return new Boxlite(services);
  }

  /** Where this home is. */
  get homeDir(): string {
    return this.#services.layout.home;
  }

  /**
   * Records a new box; it is started by its first `exec` or by `start()`.
   * @throws BoxliteError `invalid_argument` naming the field; `already_exists` when the name is taken
   */
  async create(options: BoxOptions = {}): Promise<Box> {
    this.#checkOpen();
    const parsed = parseBoxOptions(options);
    if (parsed.detach && parsed.autoRemove) {
      throw new BoxliteError('invalid_argument', 'a detached box cannot be removed automatically', {
        hint: 'leave out one of detach and autoRemove',
        details: { field: 'autoRemove' },
      });
    }
    const now = Date.now();
    const record: BoxRecord = {
      config: {
        id: createBoxId(),
        createdAt: now,
        options: parsed,
        ...(parsed.name === undefined ? {} : { name: parsed.name }),
      },
      state: { status: 'configured', updatedAt: now },
    };
    await this.#services.store.boxes.insert(record.config, record.state);
    this.#services.metrics.boxesCreated += 1;
    return this.#handle(record);
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
    const records = await this.#services.store.boxes.list();
    return Promise.all(records.map((record) => this.#reconciled(record)));
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
    const { running } = await box.info();
    if (running && options.force !== true) {
      throw new BoxliteError('invalid_state', `box ${box.name ?? box.id} is running`, {
        hint: 'stop it first, or remove it by force',
        details: { field: 'force' },
      });
    }
    if (running) await box.stop({ graceMs: 0 });
    await withBoxLease(this.#services, box.id, 'remove', undefined, async () => {
      await removeBoxFiles(this.#services, box.id, this.#services.layout.box(box.id));
    });
    this.#boxes.delete(box.id);
    await box.close();
  }

  async metrics(): Promise<RuntimeMetrics> {
    const running = (await this.list()).filter((info) => isActive(info.status)).length;
    return this.#services.metrics.snapshot(running);
  }

  /**
   * Stops the boxes that are not detached, then closes. Idempotent.
   * @param options.graceMs milliseconds for each box, default 10 000
   */
  async shutdown(options: { readonly graceMs?: number } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { graceMs = DEFAULT_STOP_GRACE_MS } = options;
    const results = await Promise.allSettled([...this.#boxes.values()].map((box) => endHandle(box, graceMs)));
    await this.#services.store.close();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #handle(record: BoxRecord): Box {
    const known = this.#boxes.get(record.config.id);
    if (known !== undefined) return known;
    const box = new Box(this.#services, record);
    this.#boxes.set(record.config.id, box);
    return box;
  }

  async #reconciled(record: BoxRecord): Promise<BoxInfo> {
    const layout = this.#services.layout.box(record.config.id);
    const state = await reconciledState(record, layout, Date.now());
    if (state !== undefined) await this.#services.store.boxes.update(record.config.id, () => state);
    return boxInfo(state === undefined ? record : { ...record, state }, layout.dir);
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new BoxliteError('stopped', 'this runtime has been shut down', {
      hint: 'open a new one with Boxlite.open()',
    });
  }
}

/** Detached boxes and those another process started run on; this process only lets go of them. */
async function endHandle(box: Box, graceMs: number): Promise<void> {
  try {
    if (box.startedHere && !(await box.info()).detached) await box.stop({ graceMs });
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'not_found')) throw thrown; // else it removed itself, or somebody did
  }
  await box.close();
}

function notFound(idOrName: string): BoxliteError {
  return new BoxliteError('not_found', `there is no box ${JSON.stringify(idOrName)}`, {
    hint: 'list the boxes of this home with `boxlite ls`',
    details: { field: 'id' },
  });
}
