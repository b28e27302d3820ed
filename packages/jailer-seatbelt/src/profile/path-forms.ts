import { isExpressible } from '../sbpl/sbpl-string.js';
import { ROOT_LINKS } from './system-paths.js';

/** Where the links at the root lead: below this. The kernel compares what they lead to; a profile that names only the link says nothing. */
const PRIVATE = '/private';
/** The volume that is shown at `/` by firm links: a second name of every file a user has. */
const DATA_VOLUME = '/System/Volumes/Data';

/**
 * The name without the links at the root and the data volume, as it is spelled.
 * @param path absolute and normal; a slash at its end is taken away
 */
export function realName(path: string): string {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const onRoot = isWithin(DATA_VOLUME, plain) ? plain.slice(DATA_VOLUME.length) || '/' : plain;
  return ROOT_LINKS.some((link) => isWithin(link, onRoot)) ? `${PRIVATE}${onRoot}` : onRoot;
}

/**
 * The one name that all names of a place have in common: {@link realName} in Unicode form C (the file systems of macOS take all forms of a name for
 * the same).
 */
export function canonicalPath(path: string): string {
  return realName(path).normalize('NFC');
}

/**
 * Every name the kernel may compare for a place, the most usual first; those that no file can have are left out.
 * @param name of {@link realName}
 */
export function pathForms(name: string): readonly string[] {
  const names = [name, ...linkForms(name)];
  const forms = names.flatMap((form) => [form, form.normalize('NFC'), form.normalize('NFD')]);
  return [...new Set(forms)].filter(isExpressible);
}

/** True if `path` is `directory` or lies below it. Both absolute and normal. */
export function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The directories above a path, the root first. */
export function ancestorsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1);
  return path === '/' ? [] : ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}

/** By the links at the root: one name of what lies below one, each of them of what they all lie below. */
function linkForms(name: string): readonly string[] {
  if (name === PRIVATE) return ROOT_LINKS;
  const short = name.slice(PRIVATE.length);
  return isWithin(PRIVATE, name) && ROOT_LINKS.some((link) => isWithin(link, short)) ? [short] : [];
}
