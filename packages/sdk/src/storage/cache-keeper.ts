import type { CacheOptions } from '../options/cache-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { planEviction } from './plan-eviction.js';
import { readImageSnapshot } from './read-snapshot.js';
import { removePlanned } from './remove-planned.js';

/**
 * Keeps the images of a home within the bounds its user has set, in the background. Without bounds it does nothing at all. Failures are logged: no
 * pull and no start fails for the sake of room that could not be freed.
 */
export class CacheKeeper {
  readonly #services: RuntimeServices;
  readonly #limits: CacheOptions;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(services: RuntimeServices, limits: CacheOptions) {
    this.#services = services;
    this.#limits = limits;
  }

  /** Has the cache looked at soon; returns at once. */
  tidy(): void {
    const { maxBytes, maxAgeDays } = this.#limits;
    if (maxBytes === undefined && maxAgeDays === undefined) return;
    this.#again = this.#running !== undefined;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being evicted. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#evict();
      } catch (cause) {
        this.#services.log({ level: 'warn', message: 'the image cache could not be kept within its bounds', cause });
      }
    } while (this.#again);
    this.#running = undefined;
  }

  async #evict(): Promise<void> {
    const plan = planEviction(await readImageSnapshot(this.#services), this.#limits, Date.now());
    if (plan.images.length + plan.blobs.length + plan.imageDisks.length === 0) return;
    const { images, blobs, imageDisks } = await removePlanned(this.#services, plan);
    const bytes = blobs.bytes + imageDisks.bytes;
    const what = [...images, `${imageDisks.count} image disks`, `${blobs.count} blobs`].join(', ');
    this.#services.log({ level: 'info', message: `evicted from the image cache: ${what}, ${bytes} bytes` });
  }
}
