import type { VmmHandler } from '@boxlite/core';
import { createQemuVmm } from '@boxlite/vmm-qemu';

/**
 * A VMM that needs what QEMU needs and is the hostile program: the jail made for it is QEMU's, with its libraries, devices and policy of system
 * calls, and one more program.
 * @param program absolute path of the hostile program
 */
export function createHostileVmm(program: string, accelerator: 'tcg' | 'kvm'): VmmHandler {
  const qemu = createQemuVmm({ accelerator, hardware: { kvm: async () => ({ state: 'usable' }) as never } });
  const refuse = (): never => {
    throw new Error('the harness starts the hostile program itself');
  };
  return {
    id: 'hostile',
    check: () => undefined,
    async requirements(spec) {
      const needed = await qemu.requirements(spec);
      return { ...needed, paths: [...needed.paths, { path: program, writable: false }] };
    },
    command: () => ({ binary: program, args: [], env: {}, listeners: [{ name: 'qmp', fd: 10 }] }),
    memoryOverheadMib: () => 1,
    start: async () => refuse(),
    attach: refuse,
  };
}
