/** Conditions under which Node imports an ES module. */
const CONDITIONS: readonly string[] = ['node', 'import', 'module-sync', 'default'];

/**
 * The file a package is imported by, relative to its directory: `exports`, else `main`, else `index.js`.
 * @param manifest the parsed package.json
 * @returns undefined when `exports` offers nothing to an `import` of the package itself
 */
export function packageEntry(manifest: unknown): string | undefined {
  const { exports, main } = (manifest ?? {}) as { exports?: unknown; main?: unknown };
  if (exports === undefined) return typeof main === 'string' && main !== '' ? main : 'index.js';
  return target(hasSubpaths(exports) ? exports['.'] : exports);
}

function hasSubpaths(exports: unknown): exports is Readonly<Record<string, unknown>> {
  return isRecord(exports) && Object.keys(exports).some((key) => key.startsWith('.'));
}

/** The first of an object's conditions that holds, in the package's own order; the first usable one of a list. */
function target(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(target).find((found) => found !== undefined);
  if (!isRecord(value)) return undefined;
  for (const [condition, inner] of Object.entries(value)) {
    const found = CONDITIONS.includes(condition) ? target(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
