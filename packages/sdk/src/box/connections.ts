import type { BoxId } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { disconnect, isGone } from './connect-box.js';
import { endOf, type LiveBox } from './live-box.js';
import { settleEnd } from './settle-end.js';

/** The connections one handle has to its box: the one in use, and those whose end is still being recorded. */
export class Connections {
  readonly #services: RuntimeServices;
  readonly #id: BoxId;
  readonly #layout: BoxLayout;
  readonly #watched = new Map<LiveBox, Promise<void>>();
  #live: LiveBox | undefined;

  constructor(services: RuntimeServices, id: BoxId, layout: BoxLayout) {
    this.#services = services;
    this.#id = id;
    this.#layout = layout;
  }

  /** The connection in use; undefined once it has ended, also when the box runs on. */
  get live(): LiveBox | undefined {
    return this.#live;
  }

  /** Takes a connection into use and watches it to its end. */
  adopt(live: LiveBox): LiveBox {
    this.#live = live;
    live.vm.channel.onClose(() => {
      if (this.#live === live) this.#live = undefined;
    });
    this.#watched.set(
      live,
      this.#watch(live).finally(() => this.#watched.delete(live)),
    );
    return live;
  }

  /** Ends every connection; resolves when what they saw is recorded. */
  async close(): Promise<void> {
    this.#live = undefined;
    await Promise.all(
      [...this.#watched].map(async ([live, watched]) => {
        await disconnect(live);
        await watched;
      }),
    );
  }

  /** Never rejects: nobody may be there to hear of it. */
  async #watch(live: LiveBox): Promise<void> {
    try {
      const exit = await endOf(live.vm);
      await settleEnd(this.#services, this.#id, this.#layout, exit, live);
      await disconnect(live);
    } catch (cause) {
      // This side closed the connection: whoever still has one records the end.
      if (isGone(cause)) return;
      this.#services.log({ level: 'warn', message: 'the box cannot be watched', boxId: this.#id, cause });
    }
  }
}
