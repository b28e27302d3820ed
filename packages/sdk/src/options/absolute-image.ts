import { resolve } from 'node:path';

const LOCAL = /^(oci|oci-archive):(?=[^/])(.+)$/s;

/**
 * A reference to files of this machine with its path made absolute: a box may be started by another process, elsewhere. Anything else is
 * returned as it is; whether it is a reference at all is for the image source to say.
 * @param workingDirectory where relative paths start
 */
export function absoluteImage(reference: string, workingDirectory: string = process.cwd()): string {
  const match = LOCAL.exec(reference);
  if (match === null) return reference;
  const [, kind = '', path = ''] = match;
  // A path ends at its first colon; what follows is a tag, which may hold slashes.
  const colon = path.indexOf(':');
  const directory = colon < 0 ? path : path.slice(0, colon);
  if (directory === '') return reference;
  return `${kind}:${resolve(workingDirectory, directory)}${path.slice(directory.length)}`;
}
