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
    throw inOptionNames(thrown);
  }
}

/** A VMM's error about a member of the spec as one about the box's option: `shares[0].readOnly` is `volumes.0.readOnly` there. */
export function inOptionNames(thrown: unknown): unknown {
  if (!BoxliteError.isInstance(thrown)) return thrown;
  const [, name = '', rest = ''] = /^(\w+)(.*)$/s.exec(String(thrown.details.field)) ?? [];
  const option = OPTION_OF[name];
  if (option === undefined) return thrown;
  return new BoxliteError(thrown.code, thrown.message, {
    ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    cause: thrown,
    details: { ...thrown.details, field: `${option}${rest.replaceAll(/\[(\d+)\]/g, '.$1')}` },
  });
}
