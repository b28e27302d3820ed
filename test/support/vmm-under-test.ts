import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs the end-to-end suite on a VMM of choice: `BOXLITE_TEST_VMM=qemu|libkrun`, else on the default of this machine. The choice is made as a
 * user would make it, by `BOXLITE_VMM`, in this process and in every command line it starts.
 */
const asked = process.env.BOXLITE_TEST_VMM;
if (asked !== undefined && asked !== '') process.env.BOXLITE_VMM = asked;

/** For programs that are given an environment of their own: the VMM under test, whether templates are made, and the kernel that was built for these tests. */
export const VMM_ENVIRONMENT: Readonly<Record<string, string>> = {
  ...(process.env.BOXLITE_VMM === undefined ? {} : { BOXLITE_VMM: process.env.BOXLITE_VMM }),
  ...(process.env.BOXLITE_TEMPLATES === undefined ? {} : { BOXLITE_TEMPLATES: process.env.BOXLITE_TEMPLATES }),
  ...(process.env.BOXLITE_KERNEL === undefined ? {} : { BOXLITE_KERNEL: process.env.BOXLITE_KERNEL }),
  XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
};

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
