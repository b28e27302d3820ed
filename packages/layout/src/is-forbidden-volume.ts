/**
 * True for a host path that must not be a volume: one that is, or contains, `/`, the user's home or the BoxLite home.
 * Pure: pass canonical paths (`realpath`), of all three, or a link gets around it.
 */
export function isForbiddenVolume(path: string, home: string, boxliteHome: string): boolean {
  return [home, boxliteHome].some((kept) => contains(path, kept)) || contains(path, '/');
}

function contains(outer: string, inner: string): boolean {
  const prefix = `${stripTrailingSlash(outer)}/`;
  return `${stripTrailingSlash(inner)}/`.startsWith(prefix);
}

function stripTrailingSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
