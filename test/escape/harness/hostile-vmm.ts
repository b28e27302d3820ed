import type { VmmHandler } from '@boxlite/core';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { seccompPolicy } from '../../../packages/vmm-libkrun/src/seccomp-policy.js';
import type { EscapeJob } from './job.js';

/**
 * A VMM that needs what QEMU needs and is the hostile program: the jail made for it is QEMU's, with its libraries, devices and policy of system
 * calls (or libkrun's), and one more program.
 * @param program absolute path of the hostile program
 */
export function createHostileVmm(
  program: string,
  { accelerator, policy }: Pick<EscapeJob, 'accelerator' | 'policy'>,
): VmmHandler {
  const qemu = createQemuVmm({ accelerator, hardware: { kvm: async () => ({ state: 'usable' }) as never } });
  const refuse = (): never => {
    throw new Error('the harness starts the hostile program itself');
  };
  return {
    id: 'hostile',
    check: () => undefined,
    async requirements(spec) {
      const needed = await qemu.requirements(spec);
      const libkrun =
        policy === 'libkrun' ? { seccompPolicy: await seccompPolicy(), seccompSwitches: ['shares'] } : undefined;
      return { ...needed, ...libkrun, paths: [...needed.paths, { path: program, writable: false }] };
    },
    command: () => ({ binary: program, args: [], env: {}, listeners: [{ name: 'qmp', fd: 10 }] }),
    memoryOverheadMib: () => 1,
    start: async () => refuse(),
    attach: refuse,
  };
}
