import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoxId, BoxStateRecord, StateStore } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import {
  type BoxLayout,
  createHomeLayout,
  currentBootId,
  type HomeLayout,
  isAlive,
  selfIdentity,
} from '@boxlite/layout';
import type { RuntimeServices } from '../../src/runtime/runtime-services.js';

/** A home with its real layout and database, and services over them that need no VMM. */
export interface TestHome extends AsyncDisposable {
  readonly layout: HomeLayout;
  readonly store: StateStore;
  readonly log: string[];
  readonly services: RuntimeServices;
  /** Records a box; its directory is made. */
  plant(id: string, state: Partial<BoxStateRecord>, options?: Record<string, unknown>): Promise<BoxLayout>;
  status(id: string): Promise<string | undefined>;
}

/** @param overrides of services; those that are missing throw when they are used */
export async function testHome(overrides: Partial<RuntimeServices> = {}): Promise<TestHome> {
  const base = await mkdtemp(join(tmpdir(), 'boxlite-sdk-'));
  // Short links of its own: the same ids occur in homes of tests that run at the same time.
  const layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  const store = await openStateStore({
    file: layout.databaseFile,
    bootId: currentBootId(),
    self: selfIdentity(),
    isAlive,
  });
  const log: string[] = [];
  const services = {
    layout,
    store,
    log: ({ message }: { message: string }) => void log.push(message),
    lifetime: new AbortController().signal,
    boxRemoved: async () => undefined,
    forgetJail: async () => undefined,
    noteDiskUse: async () => undefined,
    ...overrides,
  } as unknown as RuntimeServices;
  return {
    layout,
    store,
    log,
    services,
    async plant(id, state, options = {}) {
      const name = typeof options.name === 'string' ? { name: options.name } : {};
      const record = { config: { id: id as BoxId, createdAt: 1, options, ...name }, state: { updatedAt: 1, ...state } };
      await store.boxes.insert(record.config, record.state as BoxStateRecord);
      const box = layout.box(id as BoxId);
      await box.prepare();
      return box;
    },
    status: async (id) => (await store.boxes.get(id as BoxId))?.state.status,
    async [Symbol.asyncDispose]() {
      for (const { config } of await store.boxes.list()) await layout.box(config.id).cleanup();
      await store.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}
