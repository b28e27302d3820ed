/**
 * What the loader maps into every program: the system's libraries and frameworks, and the caches they come from. Readable, and code may be mapped
 * from there; nothing in them can be executed as a program of its own.
 */
export const SYSTEM_LIBRARIES = [
  '/Library/Apple/System/Library',
  '/Library/Apple/usr/lib',
  '/System/Cryptexes',
  '/System/Library',
  '/System/Volumes/Preboot/Cryptexes',
  '/usr/lib',
];

/** The links at the root: to follow one, what it holds must be read. */
export const ROOT_LINKS = ['/etc', '/tmp', '/var'];

/** Device nodes that hold nothing. */
export const STANDARD_DEVICES = ['/dev/null', '/dev/random', '/dev/urandom', '/dev/zero'];
