import type { ImageRecord, ResolvedImage } from '@boxlite/core';
import type { PullOptions, RuntimeServices } from './runtime-services.js';

/** The images of a home. */
export class ImageLibrary {
  readonly #services: RuntimeServices;

  /** @internal */
  constructor(services: RuntimeServices) {
    this.#services = services;
  }

  /** Fetches and verifies an image, asking its registry again also when it is cached. */
  async pull(reference: string, options: PullOptions = {}): Promise<ResolvedImage> {
    return this.#services.resolveImage(reference, { pull: 'always', ...options });
  }

  /** What is cached, newest first. */
  async list(): Promise<readonly ImageRecord[]> {
    const records = await this.#services.store.images.list();
    return [...records].sort((a, b) => b.cachedAt - a.cachedAt);
  }
}
