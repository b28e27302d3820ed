import type { SandboxContext } from '@boxlite/core';

/** One thing to mount in the view. */
export type ViewRule =
  | { readonly kind: 'grant'; readonly path: string; readonly writable: boolean }
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'mask'; readonly path: string; readonly directory: boolean };

const STANDARD_DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];

/**
 * Grants, devices and masks in mounting order: parents first, and a mask after a grant of the same path, so that the deepest rule decides.
 *
 * A mask is left out where nothing would show: below no grant (the view is empty there), or below another mask without a grant in between.
 * Mounting it all the same would make bubblewrap create the mount point, in the worst case in a host directory.
 */
export function viewRules(context: SandboxContext): readonly ViewRule[] {
  const rules: ViewRule[] = [
    ...context.paths.map(({ path, writable }): ViewRule => ({ kind: 'grant', path, writable })),
    ...[...STANDARD_DEVICES, ...(context.devices ?? [])].map((path): ViewRule => ({ kind: 'device', path })),
    ...(context.maskedPaths ?? []).map((path): ViewRule => {
      const directory = path.endsWith('/');
      return { kind: 'mask', path: directory ? path.slice(0, -1) : path, directory };
    }),
  ];
  const ordered = rules.sort(
    (a, b) => comparePaths(a.path, b.path) || Number(a.kind === 'mask') - Number(b.kind === 'mask'),
  );
  const placed: ViewRule[] = [];
  for (const rule of ordered) {
    if (placed.some((other) => other.kind === rule.kind && other.path === rule.path)) continue;
    if (rule.kind === 'mask') {
      // Ordered parents first, so the last match is the deepest: what decides about this path so far.
      const above = placed.filter((other) => isWithin(other.path, rule.path)).at(-1);
      if (above === undefined || above.kind === 'mask') continue;
    }
    placed.push(rule);
  }
  return placed;
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Code unit order: a parent is a prefix of its children and comes first. */
function comparePaths(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
