import type { StateStore } from '../contracts/state-store.js';
import type { ConformanceCase } from './conformance-case.js';
import { stateStoreBoxCases } from './state-store-box-cases.js';
import { stateStoreDiskCases } from './state-store-disk-cases.js';
import { stateStoreLeaseCases } from './state-store-lease-cases.js';

/** One home's state, which several processes open. The suite plays the processes itself. */
export interface StateStoreSetup {
  /** Opens the state as this process of this boot (default `boot-1`); several may have it open at the same time. */
  open(process: number, bootId?: string): Promise<StateStore>;
  /** From now on the process counts as gone, without having closed anything. */
  end(process: number): void;
}

/** A case of the suite; the store given is that of process 1. */
export type StateStoreCase = (store: StateStore, setup: StateStoreSetup) => Promise<void>;

/**
 * What every {@link StateStore} does.
 * @param setup called once a case, for an empty state; the caller removes it afterwards
 */
export function stateStoreConformance(setup: () => Promise<StateStoreSetup>): ConformanceCase[] {
  const cases: Record<string, StateStoreCase> = {
    ...stateStoreBoxCases,
    ...stateStoreDiskCases,
    ...stateStoreLeaseCases,
  };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      const inner = await setup();
      const opened: StateStore[] = [];
      const open: StateStoreSetup['open'] = async (process, bootId) => {
        const store = await inner.open(process, bootId);
        opened.push(store);
        return store;
      };
      try {
        await check(await open(1), { open, end: (process) => inner.end(process) });
      } finally {
        for (const store of opened) await store.close();
      }
    },
  }));
}
