import { BoxliteError, type VmmSpec } from '@boxlite/core';
import type { LibkrunLibrary } from '../library/libkrun-library.js';
import { refuse } from './refuse.js';

/** What every machine needs, and what would be lost without. */
const ALWAYS: Readonly<Record<string, string>> = {
  krun_create_ctx: 'machines at all',
  krun_set_vm_config: 'processors and memory',
  krun_set_kernel: 'booting a kernel directly',
  krun_disable_implicit_vsock: "a machine without libkrun's own network over sockets",
  krun_add_vsock: "a machine without libkrun's own network over sockets",
  krun_add_vsock_port2: 'the link to the guest agent',
  krun_set_console_output: "the guest's console",
  krun_start_enter: 'starting machines',
};

/**
 * Refuses what this libkrun cannot run. The shim would refuse it too, but with a process and a jail already made.
 * @throws BoxliteError `vmm_unavailable` when it can run no machine of ours; `unsupported` with `details.field` for what only this spec asks
 */
export function checkLibrary(spec: VmmSpec, library: LibkrunLibrary): void {
  for (const [symbol, purpose] of Object.entries(ALWAYS)) {
    if (!library.symbols.has(symbol)) {
      throw new BoxliteError('vmm_unavailable', `${nameOf(library)} has no ${symbol}, which serves ${purpose}`, {
        hint: 'install libkrun 1.17 or newer',
        details: { field: 'libraryPath', symbol, path: library.path },
      });
    }
  }
  const { maxVcpus } = library;
  if (maxVcpus !== undefined && spec.vcpus > maxVcpus) {
    const message = `${spec.vcpus} CPUs are more than the ${maxVcpus} this host's KVM has for one machine`;
    refuse('unsupported', 'vcpus', message, `give at most ${maxVcpus}`);
  }
  need(spec.disks.length > 0, library, 'krun_add_disk2', 'disks', 'disks (it was built without BLK=1)');
  need(spec.nics.length > 0, library, 'krun_add_net_unixstream', 'nics', 'network cards (it was built without NET=1)');
  if (library.symbols.has('krun_add_virtiofs3')) return;
  for (const [index, { readOnly, hostEnforced }] of spec.shares.entries()) {
    if (readOnly && hostEnforced !== true) {
      refuse(
        'unsupported',
        `shares[${index}].readOnly`,
        `${nameOf(library)} has no krun_add_virtiofs3 (1.18), and no jail shows the directory read-only: a flag in the guest alone would protect nothing (CVE-2026-46695)`,
        'turn the jail on (security.jailerEnabled), install libkrun 1.18 or newer, or share the directory writable',
      );
    }
    need(true, library, 'krun_add_virtiofs', `shares[${index}]`, 'shared directories');
  }
}

function need(isNeeded: boolean, library: LibkrunLibrary, symbol: string, field: string, purpose: string): void {
  if (!isNeeded || library.symbols.has(symbol)) return;
  const hint = 'give another libkrun in option libraryPath';
  refuse('unsupported', field, `${nameOf(library)} has no ${symbol}, which serves ${purpose}`, hint);
}

function nameOf({ path, version }: LibkrunLibrary): string {
  return `libkrun ${version ?? 'of unknown version'} (${path})`;
}
