import type { StateStore } from '../contracts/state-store.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases } from './define-cases.js';
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

/** What a case works with. */
export interface StateStoreContext extends StateStoreSetup {
  /** The store of process 1. */
  readonly store: StateStore;
}

/**
 * What every {@link StateStore} does.
 * @param setup called once a case, for an empty state; the caller removes it afterwards
 */
export function stateStoreConformance(setup: () => Promise<StateStoreSetup>): ConformanceCase[] {
  return defineCases<StateStoreContext>(
    {
      contract: 'StateStore',
      around: async (check) => {
        const inner = await setup();
        const opened: StateStore[] = [];
        const open: StateStoreSetup['open'] = async (process, bootId) => {
          const store = await inner.open(process, bootId);
          opened.push(store);
          return store;
        };
        try {
          await check({ store: await open(1), open, end: (process) => inner.end(process) });
        } finally {
          for (const store of opened) await store.close();
        }
      },
    },
    mergeCases(stateStoreBoxCases, stateStoreDiskCases, stateStoreLeaseCases),
  );
}
