/**
 * Runs the end-to-end suite on a VMM of choice: `BOXLITE_TEST_VMM=qemu|libkrun`, else on the default of this machine. The choice is made as a
 * user would make it, by `BOXLITE_VMM`, in this process and in every command line it starts.
 */
const asked = process.env.BOXLITE_TEST_VMM;
if (asked !== undefined && asked !== '') process.env.BOXLITE_VMM = asked;

/** For programs that are given an environment of their own. */
export const VMM_ENVIRONMENT: Readonly<Record<string, string>> =
  process.env.BOXLITE_VMM === undefined ? {} : { BOXLITE_VMM: process.env.BOXLITE_VMM };

let found: Promise<string> | undefined;

/** Plugin id of the VMM the tests of this run get. */
export function vmmUnderTest(): Promise<string> {
  found ??= choose();
  return found;
}

async function choose(): Promise<string> {
  const { defaultRegistry } = await import('@boxlite/sdk');
  return (await defaultRegistry().select('vmm', process.env.BOXLITE_VMM)).id;
}
