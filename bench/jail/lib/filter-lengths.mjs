import { readFileSync } from 'node:fs';
import { builtPackage, packageFile } from '../../lib/packages.mjs';

const POLICIES = ['vmm-qemu/policy/qemu.policy', 'vmm-libkrun/policy/libkrun-shim.policy'];
const BYTES_AN_INSTRUCTION = 8;

/** Instructions of each policy with all its switches off, and with all on, and of the deny-list for programs without one. @returns lists by name */
export async function filterLengths() {
  const { compilePolicy, parsePolicy, seccompFilter } = await builtPackage('jailer');
  const lengths = {};
  for (const architecture of ['x64', 'arm64']) {
    for (const file of POLICIES) {
      const policy = parsePolicy(readFileSync(packageFile(file), 'utf8'));
      for (const [label, switches] of [
        ['', []],
        [', all switches on', policy.switches],
      ]) {
        const { instructions } = compilePolicy(policy, { architecture, switches, refused: 'kill' });
        lengths[`filter ${policy.name}${label}, ${architecture}`] = [instructions];
      }
    }
    const denied = seccompFilter({ networkEnabled: false, architecture });
    lengths[`deny-list, ${architecture}`] = [denied.length / BYTES_AN_INSTRUCTION];
  }
  return lengths;
}
