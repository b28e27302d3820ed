import { BoxliteError } from '@boxlite/core';
import { findFile, Q35Vmm } from './q35-vmm.js';

/** @returns {import('@boxlite/core').Plugin<'vmm', import('@boxlite/core').VmmHandler>} */
export const q35Plugin = () => ({
  kind: 'vmm',
  id: 'q35',
  specificationVersion: 'v2',
  async probe() {
    try {
      return { available: true, detail: `QEMU's q35 machine, ${findFile('qemu')}, ${findFile('firmware')}` };
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown)) throw thrown;
      return { available: false, reason: thrown.message, remedy: thrown.hint ?? '' };
    }
  },
  create: () => new Q35Vmm(),
});

export default q35Plugin();
