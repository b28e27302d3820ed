import { isAbsolute } from 'node:path';

/** What a plugin may be called: anything else a person writes is meant as a path. */
const SOURCE_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** True for the id of a kernel source, such as `boxlite` or `libkrunfw`. */
export function isKernelSourceId(choice: string): boolean {
  return SOURCE_ID.test(choice);
}

/** The path of a kernel's file, where the choice is one; undefined for the id of a kernel source, and for no choice. */
export function kernelFileOf(choice: string | undefined): string | undefined {
  return choice !== undefined && isAbsolute(choice) ? choice : undefined;
}
