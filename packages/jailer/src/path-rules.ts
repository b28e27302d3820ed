import { dirname } from 'node:path';
import type { FileIdentity, PathAccess } from '@boxlite/core';
import type { CollectedPaths } from './collected-paths.js';

/** What a sandbox is told, in the words of `SandboxContext`. */
export interface PathRules {
  /** Stable order, each path once, parents first. */
  readonly paths: readonly PathAccess[];
  /** Never visible, directories with a trailing slash, parents first. A grant below one of them still holds. */
  readonly masked: readonly string[];
  readonly devices: readonly string[];
  readonly symlinks: readonly { readonly path: string; readonly target: string }[];
  /** Volumes that lie in a place no box may see (the BoxLite home) or are the root; they get no grant. */
  readonly refusedVolumes: readonly string[];
}

/** Every sandbox provides these, so they are never listed. */
const STANDARD_DEVICES = new Set(['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom']);

/**
 * The path rules of a box (specification, section 2), as a pure function.
 *
 * A path is granted only if it exists. The deepest rule decides: a never-row below a volume hides it, the box's `sockets/` below the
 * masked home is visible all the same. Where the same path is asked for twice, a rule of the box beats a volume, and among the
 * box's own rules read-only wins, so nothing can make a base disk or the kernel writable. Two volumes of one path: writable wins, since the
 * guest may write there anyway.
 */
export function pathRules(collected: CollectedPaths): PathRules {
  const never = neverRows(collected);
  const granted = new Map<string, boolean>();
  for (const { path, writable } of fixedRows(collected)) {
    if (!collected.kinds.has(path)) continue;
    // A directory of snapshots would hold those of others.
    if (path === collected.memory?.path && collected.kinds.get(path) !== 'file') continue;
    granted.set(path, writable && granted.get(path) !== false);
  }
  const fixed = new Set(granted.keys());
  const programs = new Set([collected.box.binDir, ...collected.vmm.map(({ path }) => path)]);
  const identities = new Map<string, FileIdentity>(collected.backingIdentities);
  if (collected.memory?.identity !== undefined) identities.set(collected.memory.path, collected.memory.identity);
  const refusedVolumes: string[] = [];
  for (const volume of collected.volumes) {
    if (!collected.kinds.has(volume.path)) continue;
    if (volume.realPath === '/' || never.some((row) => isWithin(row, volume.path) || isWithin(row, volume.realPath))) {
      refusedVolumes.push(volume.path);
    } else if (!fixed.has(volume.path)) {
      granted.set(volume.path, !volume.readOnly || granted.get(volume.path) === true);
      if (volume.identity !== undefined) identities.set(volume.path, volume.identity);
    }
  }
  for (const path of fixedInPlace(granted, new Set(collected.volumes.map((volume) => volume.path))))
    granted.set(path, true);
  const masked = never.filter((row) => collected.kinds.has(row) && !fixed.has(row));
  return {
    paths: [...granted]
      .map(([path, writable]): PathAccess => {
        const identity = identities.get(path);
        return {
          path,
          writable,
          ...(identity === undefined ? {} : { identity }),
          // Of what is only read, the VMM runs its own files; volumes, disks and kernels are data to it.
          ...(writable || programs.has(path) ? {} : { executable: false }),
        };
      })
      .sort((a, b) => compare(a.path, b.path)),
    masked: masked.sort(compare).map((row) => (collected.kinds.get(row) === 'directory' ? `${row}/` : row)),
    devices: unique(collected.devices.filter((device) => collected.kinds.get(device) === 'device'))
      .filter((device) => !STANDARD_DEVICES.has(device))
      .sort(compare),
    symlinks: collected.socketLink === undefined ? [] : [collected.socketLink],
    refusedVolumes,
  };
}

/**
 * The directories between a read-only volume and a writable one above it. A mount point cannot be renamed, but what lies above one can: the box would
 * find the protected directory under its new name, writable, at the next start. Each of them becomes a mount point itself.
 */
function fixedInPlace(granted: ReadonlyMap<string, boolean>, volumes: ReadonlySet<string>): readonly string[] {
  const between: string[] = [];
  for (const [path, writable] of granted) {
    if (writable || !volumes.has(path)) continue;
    const above = ancestors(path);
    const outer = above.findLastIndex((directory) => volumes.has(directory) && granted.get(directory) === true);
    between.push(...above.slice(0, Math.max(outer, 0)).filter((directory) => !granted.has(directory)));
  }
  return unique(between);
}

/** Of an absolute path, the nearest first, without `/`. */
function ancestors(path: string): readonly string[] {
  const above = dirname(path);
  return above === '/' ? [] : [above, ...ancestors(above)];
}

/** The rows of the table that do not come from the user, in the table's order. */
function fixedRows(collected: CollectedPaths): PathAccess[] {
  const { box, platform } = collected;
  const readWrite = [
    box.socketsDir,
    box.tmpDir,
    box.sharedDir,
    ...(collected.vmmWritesLogs ? [box.logsDir, box.exitFile] : []),
  ];
  const readOnly = [box.binDir, ...[collected.kernel, collected.memory?.path].filter((path) => path !== undefined)];
  const bases = platform === 'darwin' ? collected.backingFiles.map((file) => dirname(file)) : [];
  return [
    ...readWrite.map((path) => ({ path, writable: true })),
    ...(collected.stagedShares ?? []),
    ...collected.disks,
    ...readOnly.map((path) => ({ path, writable: false })),
    ...collected.backingFiles.map((path) => ({ path, writable: false })),
    ...bases.map((path) => ({ path, writable: false })),
    // A VMM's own requirements are never a way to write to the host.
    ...collected.vmm.map(({ path }) => ({ path, writable: false })),
  ];
}

/**
 * What no box sees. The home covers the database and the other boxes; they are listed all the same, for sandboxes that deny by name.
 */
function neverRows({ home, box }: CollectedPaths): string[] {
  const rows = [
    home.path,
    home.realPath,
    `${home.path}/db`,
    `${home.path}/boxes`,
    box.dir,
    box.mountsDir,
    box.controlDir,
    box.caDir,
    box.pidFile,
    box.stderrFile,
  ];
  // Without mount isolation the preparation area and the share are one directory.
  return unique(rows.filter((row) => row !== box.sharedDir));
}

/** True if `path` is `directory` or lies below it. Both absolute and normal. */
function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Code unit order: the same on every machine, and a prefix (a parent) always comes first. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
