/** Chooses the VMM of every box that does not name one, by plugin id. */
export const VMM_VARIABLE = 'BOXLITE_VMM';

/** @returns the id the environment names; undefined leaves the choice to what is available */
export function defaultVmm(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const id = environment[VMM_VARIABLE];
  return id === '' ? undefined : id;
}
