import { readFileSync } from 'node:fs';
import { errnoOf } from '@boxlite/core';

/** The text of a file of the kernel's; empty where there is none, or none for this user. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    // A host without the file is a host without the feature; every caller treats empty as "none".
    if (errnoOf(thrown) === undefined) throw thrown;
    return '';
  }
}
