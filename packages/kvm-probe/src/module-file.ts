import { join } from 'node:path';
import { exists, textOf } from './host-files.js';
import type { KvmFacts } from './kvm-facts.js';
import { moduleOf } from './remedies.js';

/**
 * Whether the running kernel brings the module for this processor (depmod(8): `modules.dep` lists files, `modules.builtin` what is compiled in).
 * @param vendor of `/proc/cpuinfo`
 */
export async function moduleFile(root: string, vendor: string): Promise<KvmFacts['moduleFile']> {
  const release = (await textOf(root, '/proc/sys/kernel/osrelease')).trim();
  // A release is part of a path here; one that is not a plain name is nobody's.
  if (!/^[\w.+~-]+$/.test(release)) return 'unknown';
  const directory = join('/lib/modules', release);
  if (!(await exists(join(root, directory, 'modules.dep')))) return 'unknown';
  const names = [
    await textOf(root, join(directory, 'modules.dep')),
    await textOf(root, join(directory, 'modules.builtin')),
  ];
  const pattern = new RegExp(`/${moduleOf(vendor).replace('_', '[-_]')}\\.ko`);
  return names.some((text) => pattern.test(text)) ? 'available' : 'absent';
}
