import type { BoxRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { Box } from '../box/box.js';
import type { LiveBox } from '../box/live-box.js';
import type { StartedBox, StartOptions } from '../box/start-box.js';
import { withBoxLease } from '../box/with-box-lease.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { boxUseEntity } from './auto-pause.js';
import { findSnapshot } from './find-snapshot.js';
import { forkBox } from './fork-box.js';
import { type ForkOptions, parseForkOptions } from './fork-options.js';
import { beforeSnapshot } from './hooks.js';
import { pauseBox, resumeBox } from './pause-box.js';
import { removeSnapshot } from './remove-snapshot.js';
import { problemOf, restoreBox, restoreNewBox } from './restore-box.js';
import { snapshotBox } from './snapshot-box.js';
import {
  type ListSnapshotsOptions,
  parseSnapshotOptions,
  type SnapshotInfo,
  type SnapshotOptions,
  snapshotInfo,
} from './snapshot-info.js';

/** What a handle lends for captures of its box. */
export interface CapturingHandle {
  readonly box: Box;
  readonly layout: BoxLayout;
  record(): Promise<BoxRecord>;
  /** The running box and a connection to it; nothing is started. @throws BoxliteError `invalid_state` */
  running(signal: AbortSignal | undefined): Promise<{ readonly live: LiveBox; readonly record: BoxRecord }>;
  /** The connection in use. */
  live(): LiveBox | undefined;
  isInUse(): boolean;
  adopt(started: StartedBox): void;
}

/** Pauses, snapshots, restores and forks of one box; what each does is said at {@link Box}. A runtime that is shut down ends those that go on. */
export class BoxCaptures {
  readonly #services: RuntimeServices;
  readonly #handle: CapturingHandle;
  readonly #pending = new Set<Promise<unknown>>();

  constructor(services: RuntimeServices, handle: CapturingHandle) {
    this.#services = services;
    this.#handle = handle;
  }

  /** Resolves when none goes on, however they end. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  pause(signal: AbortSignal | undefined): Promise<void> {
    return this.#leased('pause', signal, async (live, record) => void (await pauseBox(this.#services, record, live)));
  }

  resume(signal: AbortSignal | undefined): Promise<void> {
    return this.#leased('pause', signal, (live, record) => resumeBox(this.#services, record, live));
  }

  snapshot(options: SnapshotOptions): Promise<SnapshotInfo> {
    const { name } = parseSnapshotOptions(options);
    return this.#tracked(options.signal, async (signal) => {
      const { box, layout } = this.#handle;
      await beforeSnapshot(this.#services.hooks, box, 'snapshot');
      const made = await this.#leased('snapshot', signal, (live, record) =>
        snapshotBox(this.#services, { record, box: layout, live, name, signal }),
      );
      return snapshotInfo(made);
    });
  }

  async list({ verify = false, signal: given }: ListSnapshotsOptions): Promise<readonly SnapshotInfo[]> {
    const record = await this.#handle.record();
    const snapshots = await this.#services.store.snapshots.list(record.config.id);
    if (!verify) return snapshots.map(snapshotInfo);
    return this.#tracked(given, async (signal) => {
      const looked: SnapshotInfo[] = [];
      for (const snapshot of snapshots) {
        const request = { record, box: this.#handle.layout, snapshot };
        looked.push({ ...snapshotInfo(snapshot), problem: (await problemOf(this.#services, request, signal)) ?? null });
      }
      return looked;
    });
  }

  async remove(name: string): Promise<void> {
    const { box, layout } = this.#handle;
    await withBoxLease(this.#services, box.id, 'snapshot', undefined, async () => {
      await removeSnapshot(this.#services, await this.#handle.record(), layout, name);
    });
  }

  restore(name: string, options: StartOptions): Promise<void> {
    const { box, layout } = this.#handle;
    return this.#tracked(options.signal, (signal) =>
      withBoxLease(this.#services, box.id, 'restore', signal, async () => {
        const record = await this.#handle.record();
        const snapshot = await findSnapshot(this.#services, record, name);
        this.#handle.adopt(await restoreBox(this.#services, { record, box: layout, snapshot }, { ...options, signal }));
      }),
    );
  }

  async restoreNew(name: string, { signal: given, ...options }: ForkOptions): Promise<Box> {
    const record = await this.#handle.record();
    const { detach, autoRemove } = parseBoxOptions(record.config.options);
    const { names, ...made } = parseForkOptions(1, options, { name: null, detach, autoRemove });
    return this.#tracked(given, async (signal) => {
      const snapshot = await findSnapshot(this.#services, record, name);
      const request = { record, box: this.#handle.layout, snapshot };
      return restoreNewBox(this.#services, request, { ...made, name: names[0], signal });
    });
  }

  async fork(count: number, { signal: given, ...options }: ForkOptions): Promise<readonly Box[]> {
    const { box, layout } = this.#handle;
    const { detach, autoRemove } = parseBoxOptions((await this.#handle.record()).config.options);
    const parsed = parseForkOptions(count, options, { name: box.name, detach, autoRemove });
    return this.#tracked(given, async (signal) => {
      await beforeSnapshot(this.#services.hooks, box, 'fork');
      const look = () => this.#handle.running(signal);
      return forkBox(this.#services, { ...parsed, box: layout, look, signal });
    });
  }

  /** Nobody has used the box for a while. Never rejects: nobody is there to hear of it. */
  async pauseIdle(): Promise<void> {
    const { lifetime, store, log } = this.#services;
    const { box } = this.#handle;
    const isIdle = async () =>
      !this.#handle.isInUse() && (await store.leases.holders(boxUseEntity(box.id))).length === 0;
    try {
      if (lifetime.aborted || this.#handle.live()?.vm.pause === undefined || !(await isIdle())) return;
      await withBoxLease(this.#services, box.id, 'pause', lifetime, async () => {
        const record = await this.#handle.record();
        const live = this.#handle.live();
        if (live !== undefined && record.state.status === 'running') {
          await pauseBox(this.#services, record, live, isIdle);
        }
      });
    } catch (cause) {
      if (lifetime.aborted) return; // The runtime was shut down meanwhile.
      log({ level: 'warn', message: 'the idle box could not be paused', boxId: box.id, cause });
    }
  }

  /** Does something with the running box while no other process starts, stops or changes it. */
  async #leased<T>(
    purpose: 'pause' | 'snapshot',
    signal: AbortSignal | undefined,
    action: (live: LiveBox, record: BoxRecord) => Promise<T>,
  ): Promise<T> {
    this.#services.lifetime.throwIfAborted();
    return withBoxLease(this.#services, this.#handle.box.id, purpose, signal, async () => {
      const { live, record } = await this.#handle.running(signal);
      return action(live, record);
    });
  }

  /** @param given of the caller; the end of the runtime ends it, too */
  #tracked<T>(given: AbortSignal | undefined, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { lifetime } = this.#services;
    lifetime.throwIfAborted();
    const running = action(given === undefined ? lifetime : AbortSignal.any([given, lifetime]));
    this.#pending.add(running);
    return running.finally(() => this.#pending.delete(running));
  }
}
