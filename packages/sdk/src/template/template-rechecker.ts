import { closeSync, constants, openSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { BoxliteError, type Lease } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { templateProblem } from './template-problem.js';
import { type StoredTemplate, TEMPLATE_LEASE_PREFIX } from './template-store.js';

/** Nobody has used a box for so long: only a process that lives on reads templates again. Milliseconds. */
const QUIET_MS = 60_000;
/** A template that was not read whole for so long is. Milliseconds. */
const RECHECK_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
/** Beside the files of a template; its time is when they were last found whole. */
const MARK = 'verified';

/** When templates are read again; for tests. */
export interface RecheckTimes {
  readonly quietMs: number;
  readonly afterMs: number;
}

/**
 * Reads templates whole once in a while, to find what a start, which only looks whether somebody has written to them, does not: bits that rot. One at a time
 * and only in a process that has come to rest; the next use of a box ends it. A damaged one is removed, so that it is made again.
 */
export class TemplateRechecker {
  readonly #services: Pick<RuntimeServices, 'templates' | 'store' | 'log'>;
  readonly #times: RecheckTimes;
  #timer: NodeJS.Timeout | undefined;
  #reading: { readonly aborter: AbortController; readonly done: Promise<void> } | undefined;
  #isEnded = false;

  constructor(
    services: Pick<RuntimeServices, 'templates' | 'store' | 'log'>,
    times: RecheckTimes = { quietMs: QUIET_MS, afterMs: RECHECK_AFTER_MS },
  ) {
    this.#services = services;
    this.#times = times;
  }

  /** Somebody uses a box. */
  busy(): void {
    if (this.#isEnded || !this.#services.templates.settings.use) return;
    this.#reading?.aborter.abort();
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), this.#times.quietMs);
    // A program that has nothing else to do ends.
    this.#timer.unref();
  }

  /** Ends what goes on, and waits for it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#reading?.aborter.abort();
    await this.#reading?.done;
  }

  #begin(): void {
    if (this.#reading !== undefined) {
      // It is being ended.
      this.#wait();
      return;
    }
    const aborter = new AbortController();
    const done = this.#recheck(aborter.signal)
      .catch((cause: unknown) => {
        if (aborter.signal.aborted) return; // There will be another time.
        this.#services.log({ level: 'debug', message: 'templates could not be read again', cause });
      })
      .finally(() => {
        this.#reading = undefined;
      });
    this.#reading = { aborter, done };
  }

  async #recheck(signal: AbortSignal): Promise<void> {
    const oldest = Date.now() - this.#times.afterMs;
    const due = (await this.#services.templates.store.list()).filter((one) => lastVerified(one) <= oldest);
    for (const template of due) {
      if (signal.aborted) return;
      await this.#recheckOne(template, signal);
    }
  }

  async #recheckOne(template: StoredTemplate, signal: AbortSignal): Promise<void> {
    const { key, directory } = template;
    const { templates, store, log } = this.#services;
    // Not held as by a start: that would count as a use.
    const lease = await sharedLease(store.leases, key);
    if (lease === undefined) return;
    let problem: string | undefined;
    try {
      problem = await templateProblem(template, signal);
      if (problem === undefined) markVerified(directory);
    } finally {
      await lease.release();
    }
    if (problem === undefined) return;
    log({ level: 'warn', message: `template ${key.slice(0, 12)} is removed, and is made again: ${problem}` });
    await templates.store.discard(key);
  }
}

/** Milliseconds since the epoch. One whose record cannot be read is found out by whoever starts from it. */
function lastVerified({ directory, record }: StoredTemplate): number {
  if (record === undefined) return Number.POSITIVE_INFINITY;
  const marked = statSync(join(directory, MARK), { throwIfNoEntry: false });
  return Math.max(record.createdAt, marked?.mtimeMs ?? 0);
}

function markVerified(directory: string): void {
  const path = join(directory, MARK);
  closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  const now = new Date();
  utimesSync(path, now, now);
}

/** Undefined when somebody is removing it. */
async function sharedLease(leases: RuntimeServices['store']['leases'], key: string): Promise<Lease | undefined> {
  try {
    return await leases.acquire(`${TEMPLATE_LEASE_PREFIX}${key}`, 'verify', { shared: true });
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return undefined;
    throw thrown;
  }
}
