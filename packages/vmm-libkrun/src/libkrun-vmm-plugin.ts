import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { BoxliteError, type Plugin, type ProbeResult, type VmmHandler } from '@boxlite/core';
import { createLibkrunVmm } from './libkrun-vmm.js';
import type { LibkrunVmmOptions } from './libkrun-vmm-options.js';
import { findLibkrun } from './library/find-libkrun.js';
import type { LibkrunLibrary } from './library/libkrun-library.js';
import { missingFunction, nameOfLibkrun } from './machine/required-functions.js';
import { shimPath } from './shim/shim-path.js';

/** Above QEMU's: where the hardware carries libkrun, a machine starts in a fraction of the time and takes less memory. */
export const LIBKRUN_PRIORITY = 10;
const NEWER_LIBKRUN = 'install libkrun 1.17 or newer, built with BLK=1, or name one in BOXLITE_LIBKRUN';

/**
 * {@link createLibkrunVmm} as a plugin. Its probe asks in this order, and says of the first that fails why and what to do: the hardware (libkrun has
 * no way to run without KVM), the library and its functions, the shim. The library is only looked for where KVM is usable: looking loads it.
 */
export function libkrunVmmPlugin(options: LibkrunVmmOptions): Plugin<'vmm', VmmHandler, unknown> {
  let { library } = options;
  return {
    kind: 'vmm',
    id: 'libkrun',
    specificationVersion: 'v2',
    priority: LIBKRUN_PRIORITY,
    probe: () =>
      probeLibkrun(options, (found) => {
        library = found;
      }),
    // A handler that knows its library refuses in `check` what that cannot do.
    create: () => createLibkrunVmm(library === undefined ? options : { ...options, library }),
  };
}

async function probeLibkrun(
  options: LibkrunVmmOptions,
  remember: (library: LibkrunLibrary) => void,
): Promise<ProbeResult> {
  if (process.platform !== 'linux') {
    return { available: false, reason: 'its machines are made for Linux so far', remedy: 'use Linux with KVM' };
  }
  const status = await options.hardware.kvm();
  if (status.state !== 'usable') return { available: false, reason: status.reason, remedy: status.remedy };
  try {
    const library = await findLibkrun(options);
    const missing = missingFunction(library, { krun_add_disk2: 'disks (it was built without BLK=1)' });
    if (missing !== undefined) {
      const reason = `${nameOfLibkrun(library)} has no ${missing.symbol}, which serves ${missing.purpose}`;
      return { available: false, reason, remedy: NEWER_LIBKRUN };
    }
    await requireProgram(options.shimPath ?? shimPath());
    remember(library);
    const version = library.version ?? `${library.minimumVersion} or newer`;
    return { available: true, detail: `libkrun ${version} with KVM (${library.origin})` };
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    return { available: false, reason: thrown.message, remedy: thrown.hint ?? NEWER_LIBKRUN };
  }
}

async function requireProgram(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (thrown) {
    throw new BoxliteError('vmm_unavailable', `the shim ${path} is not a program that can be run`, {
      hint: 'install the package for this platform again, or build it: npm run build',
      cause: thrown,
      details: { field: 'shimPath', path },
    });
  }
}
