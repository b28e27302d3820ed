import { BoxliteError } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { evictTemplates } from './evict-templates.js';
import type { MachineShape } from './machine-shape.js';
import { makeTemplate } from './make-template.js';
import { TemplateRechecker } from './template-rechecker.js';

/** Without a start or a command for so long, a template is made: not beside what somebody waits for. Milliseconds. */
const QUIET_MS = 1_000;

/**
 * Makes templates in the background, one at a time, after the first cold start of a shape and when the process has come to rest. What fails is logged, not
 * tried again by this process, and no start fails for it.
 */
export class TemplateKeeper {
  readonly #services: RuntimeServices;
  readonly #maxTemplates: number;
  readonly #quietMs: number;
  /** By key. */
  readonly #wanted = new Map<string, MachineShape>();
  /** Keys of templates that were made, or could not be. */
  readonly #done = new Set<string>();
  readonly #ending = new AbortController();
  readonly #rechecker: TemplateRechecker;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(services: RuntimeServices, maxTemplates: number, quietMs = QUIET_MS) {
    this.#services = services;
    this.#maxTemplates = maxTemplates;
    this.#quietMs = quietMs;
    this.#rechecker = new TemplateRechecker(services);
  }

  /** A box of this shape has booted where it could have started from a template. */
  want(shape: MachineShape): void {
    const { key } = shape;
    if (!this.#services.templates.settings.make || key === undefined || this.#maxTemplates === 0) return;
    if (this.#done.has(key) || this.#ending.signal.aborted) return;
    this.#wanted.set(key, shape);
    this.busy();
  }

  /** Somebody uses a box: what is to be made, or read again, waits. */
  busy(): void {
    this.#rechecker.busy();
    if (this.#wanted.size === 0 || this.#running !== undefined || this.#ending.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), this.#quietMs);
    // A program that has nothing else to do ends.
    this.#timer.unref();
  }

  /** Shapes whose template is still to be made. */
  get wanted(): readonly MachineShape[] {
    return [...this.#wanted.values()];
  }

  /** Resolves when nothing is being made, and nothing is to be. */
  async idle(): Promise<void> {
    if (this.#running === undefined && this.#wanted.size > 0) this.#begin();
    await this.#running;
  }

  /** Ends what is being made, and waits until nothing is left of it. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort(new BoxliteError('stopped', 'this runtime has been shut down'));
    await Promise.all([this.#running, this.#rechecker.end()]);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (const [key, shape] of this.#wanted) {
      if (this.#ending.signal.aborted) return;
      const isDone = await this.#make(key, shape);
      if (!isDone) return;
      this.#wanted.delete(key);
      this.#done.add(key);
    }
  }

  /** @returns false when it was ended */
  async #make(key: string, shape: MachineShape): Promise<boolean> {
    const { log } = this.#services;
    const { signal } = this.#ending;
    try {
      const { isNew } = await makeTemplate(this.#services, shape, { signal, isBackground: true });
      if (isNew) log({ level: 'debug', message: `made the template ${key.slice(0, 12)}` });
      await evictTemplates(this.#services, this.#maxTemplates);
    } catch (cause) {
      if (signal.aborted) return false;
      // Another process of this home makes one: there will be another occasion.
      const isBusy = BoxliteError.isInstance(cause, 'lease_held');
      const message = `the template ${key.slice(0, 12)} could not be made, and boxes start without it`;
      log({ level: isBusy ? 'debug' : 'info', message, cause });
    }
    return true;
  }
}
