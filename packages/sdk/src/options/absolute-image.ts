import { resolve } from 'node:path';

/** Kinds of BoxLite's own, and any kind whose path shows that it is one, such as `dir:./image` of somebody's source. */
const LOCAL = /^(oci|oci-archive|docker-archive|[a-z][a-z0-9+.-]*(?=:\.{1,2}(?:\/|$))):(?=[^/])(.+)$/s;

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
