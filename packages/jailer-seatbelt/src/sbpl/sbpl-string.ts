/** `PATH_MAX` of macOS is 1024 with the NUL at the end (sys/syslimits.h): no file has a longer name, and no longer string is read from a profile. */
export const MAX_PATH_BYTES = 1023;

/**
 * A string literal of the profile language.
 *
 * The reader (a TinyScheme) ends a string at `"` and gives `\` a meaning; every other byte stands for itself, line ends, `;`, `#`, `|`, parentheses
 * and UTF-8 included. So those two are escaped and nothing else: the fewer of the reader's escapes are used, the less depends on how it reads them.
 * @param text without NUL, see {@link isExpressible}
 */
export function sbplString(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Whether a path can be named in a profile: no NUL (it ends the profile's text), no half of a surrogate pair (UTF-8 has none), not too long. */
export function isExpressible(path: string): boolean {
  return !path.includes('\0') && !/\p{Surrogate}/u.test(path) && Buffer.byteLength(path) <= MAX_PATH_BYTES;
}
