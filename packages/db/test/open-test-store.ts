import type { StateStore } from '@boxlite/core';
import { onTestFinished } from 'vitest';
import { openStateStore, type StateStoreOptions } from '../src/index.js';

/** Opens a store as this process; it is closed when the test ends. */
export async function openTestStore(file: string, options: Partial<StateStoreOptions> = {}): Promise<StateStore> {
  const self = { pid: process.pid, startTime: 1 };
  const store = await openStateStore({ file, bootId: 'boot', self, isAlive: () => true, ...options });
  onTestFinished(() => store.close());
  return store;
}
