import { BoxliteError, type VmmSpec } from '@boxlite/core';
import type { LibkrunLibrary } from '../library/libkrun-library.js';
import { refuse } from './refuse.js';
import { missingFunction, nameOfLibkrun } from './required-functions.js';

/**
 * Refuses what this libkrun cannot run. The shim would refuse it too, but with a process and a jail already made.
 * @throws BoxliteError `vmm_unavailable` when it can run no machine of ours; `unsupported` with `details.field` for what only this spec asks
 */
export function checkLibrary(spec: VmmSpec, library: LibkrunLibrary): void {
  const missing = missingFunction(library);
  if (missing !== undefined) {
    const { symbol, purpose } = missing;
    throw new BoxliteError('vmm_unavailable', `${nameOfLibkrun(library)} has no ${symbol}, which serves ${purpose}`, {
      hint: 'install libkrun 1.17 or newer',
      details: { field: 'libraryPath', symbol, path: library.path },
    });
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
        `${nameOfLibkrun(library)} has no krun_add_virtiofs3 (1.18), and no jail shows the directory read-only: a flag in the guest alone would protect nothing (CVE-2026-46695)`,
        'require the jail (security.jailer: required), install libkrun 1.18 or newer, or share the directory writable',
      );
    }
    need(true, library, 'krun_add_virtiofs', `shares[${index}]`, 'shared directories');
  }
}

function need(isNeeded: boolean, library: LibkrunLibrary, symbol: string, field: string, purpose: string): void {
  if (!isNeeded || library.symbols.has(symbol)) return;
  const hint = 'give another libkrun in option libraryPath';
  refuse('unsupported', field, `${nameOfLibkrun(library)} has no ${symbol}, which serves ${purpose}`, hint);
}
