import type { PathAccess, SandboxContext } from '@boxlite/core';
import { isExpressible } from '../sbpl/sbpl-string.js';
import { canonicalPath, isWithin, realName } from './path-forms.js';

/** What may be done at a path and below it: `data` is read and never executed, `read-only` read and executed, `read-write` read and written. */
export type Access = 'hidden' | 'data' | 'read-only' | 'read-write';

/** One row: decides about its path and all below, up to the next deeper row. */
export interface PathRow {
  /** Of `canonicalPath`. */
  readonly path: string;
  readonly access: Access;
  /** The spellings it was given in, of `realName`. */
  readonly names: readonly string[];
}

/**
 * What a sandbox is told of paths, as a table in which the deepest row decides: shallow rows first, each path once. Of two rows of one
 * path the one that permits less holds; a mask beats every grant.
 *
 * The command's own program is a row too, unless a mask hides it: it can be read, executed where nothing below it was forbidden to be and, also
 * below a writable path, not be written. Left out is what no file can be called (a NUL, more bytes than a path has), and a grant of the whole host.
 * @param program the names of the command's program; one that is not absolute gets no row
 */
export function pathTable(
  { paths, maskedPaths = [] }: Pick<SandboxContext, 'paths' | 'maskedPaths'>,
  program: readonly string[],
): readonly PathRow[] {
  const rows = new Map<string, PathRow>();
  const add = (path: string, access: Access) => {
    if (!path.startsWith('/') || !isExpressible(path)) return;
    const canonical = canonicalPath(path);
    const known = rows.get(canonical) ?? { path: canonical, access, names: [] };
    rows.set(canonical, {
      path: canonical,
      access: RANK[access] > RANK[known.access] ? access : known.access,
      names: [...new Set([...known.names, realName(path)])],
    });
  };
  for (const grant of paths) {
    if (!isWholeHost(grant.path)) add(grant.path, accessFor(grant));
  }
  for (const path of maskedPaths) add(path, 'hidden');
  const granted = ordered(rows);
  for (const name of program) {
    const access = decidingRow(granted, canonicalPath(name))?.access;
    if (access !== 'hidden') add(name, access === 'data' ? 'data' : 'read-only');
  }
  return ordered(rows);
}

/** The row that decides about a canonical path; undefined where the table says nothing. */
export function decidingRow(table: readonly PathRow[], path: string): PathRow | undefined {
  return table.findLast((row) => isWithin(row.path, path));
}

/** What holds where a row is, but for the row itself; hidden where the table says nothing. */
export function accessAround(table: readonly PathRow[], { path }: PathRow): Access {
  return table.findLast((row) => row.path !== path && isWithin(row.path, path))?.access ?? 'hidden';
}

/** Whether a path is the root, or one of the directories every volume has a second name in: no sandbox grants those. */
export function isWholeHost(path: string): boolean {
  return ['/', '/System', '/System/Volumes'].includes(canonicalPath(path));
}

/** Which of two rows of one path holds. */
const RANK: Readonly<Record<Access, number>> = { 'read-write': 0, 'read-only': 1, data: 2, hidden: 3 };

function accessFor({ writable, executable }: PathAccess): Access {
  if (writable) return 'read-write';
  return executable === false ? 'data' : 'read-only';
}

function ordered(rows: ReadonlyMap<string, PathRow>): readonly PathRow[] {
  // Of one depth none lies in another; those of one kind stand together, so that few rules are made of them.
  return [...rows.values()].sort(
    (a, b) => depth(a.path) - depth(b.path) || RANK[a.access] - RANK[b.access] || (a.path < b.path ? -1 : 1),
  );
}

function depth(path: string): number {
  return path === '/' ? 0 : path.split('/').length - 1;
}
