import type { PathAccess, VmmHandler } from '@boxlite/core';
import { elfClosure } from '@boxlite/jailer';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { seccompPolicy } from '../../../packages/vmm-libkrun/src/seccomp-policy.js';
import type { EscapeJob } from './job.js';

/** The loader's cache is granted with the modules anyway. */
const isElf = ({ path }: PathAccess) => path !== '/etc/ld.so.cache';

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
      // What is found for a VMM's own program, which is another here.
      const files = needed.paths.map(({ path }) => path);
      const libraries = await elfClosure(
        files.find((path) => /\/qemu-system-/.test(path)) ?? '',
        files.filter((path) => path.endsWith('.so')),
      );
      return {
        ...needed,
        ...libkrun,
        paths: [...needed.paths, ...libraries.filter(isElf), { path: program, writable: false }],
      };
    },
    command: () => ({ binary: program, args: [], env: {}, listeners: [{ name: 'qmp', fd: 10 }] }),
    memoryOverheadMib: () => 1,
    start: async () => refuse(),
    attach: refuse,
  };
}
