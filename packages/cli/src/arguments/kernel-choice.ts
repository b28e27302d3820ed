import { resolve } from 'node:path';

/**
 * What `--kernel` says: the id of a kernel source as it is, a path made absolute. As with `--plugin`, a path is what shows that it is one.
 * @param workingDirectory where relative paths start
 */
export function kernelChoice(text: string, workingDirectory: string): string {
  return text.includes('/') ? resolve(workingDirectory, text) : text;
}
