import { BoxliteError, type VmmHandler, type VmmSpec } from '@boxlite/core';

/** Names of a box's options for what the VMM calls otherwise. */
const OPTION_OF: Readonly<Record<string, string>> = { shares: 'volumes', vcpus: 'cpus', nics: 'network' };

/**
 * Asks the VMM whether it can run this machine, before anything is spawned.
 * @throws BoxliteError the VMM's, with `details.field` naming the option of the box
 */
export function checkMachine(vmm: Pick<VmmHandler, 'check'>, spec: VmmSpec): void {
  try {
    vmm.check(spec);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    const field = OPTION_OF[String(thrown.details.field)];
    if (field === undefined) throw thrown;
    throw new BoxliteError(thrown.code, thrown.message, {
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      cause: thrown,
      details: { ...thrown.details, field },
    });
  }
}
