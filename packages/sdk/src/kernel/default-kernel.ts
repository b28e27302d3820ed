/** Chooses the kernel of every box that does not name one: the id of a kernel source, or the absolute path of a kernel. */
export const KERNEL_VARIABLE = 'BOXLITE_KERNEL';
/** Names a libkrunfw by its path (package guest-kernel); who sets it wants its kernel. */
const LIBKRUNFW_VARIABLE = 'BOXLITE_LIBKRUNFW';

/** What the environment chooses, and the variable that does; undefined leaves the choice to what is available. */
export function defaultKernel(
  environment: Readonly<Record<string, string | undefined>>,
): { readonly choice: string; readonly variable: string } | undefined {
  const choice = environment[KERNEL_VARIABLE];
  if (choice !== undefined && choice !== '') return { choice, variable: KERNEL_VARIABLE };
  const library = environment[LIBKRUNFW_VARIABLE];
  return library === undefined || library === '' ? undefined : { choice: 'libkrunfw', variable: LIBKRUNFW_VARIABLE };
}
