import type { SandboxContext } from '@boxlite/core';
import { filter, rule, ruleAbout, type SbplSection } from '../sbpl/sbpl-form.js';
import { isExpressible } from '../sbpl/sbpl-string.js';
import { ancestorsOf, canonicalPath, pathForms } from './path-forms.js';
import { decidingRow, type PathRow } from './path-table.js';
import { STANDARD_DEVICES } from './system-paths.js';
import { type Permission, tableForms } from './table-forms.js';

const WRITE: Permission = { holds: (access) => access === 'read-write', operations: [{ names: ['file-write*'] }] };

/**
 * What may be written.
 *
 * Rules go by name, so what a row names must keep its name: neither a row nor a directory above it can be removed, renamed, or made anew, or a
 * mask would be dodged by renaming what it lies in. Hard links are not made at all: a second name of a file has rules of its own.
 */
export function writeSection(
  table: readonly PathRow[],
  { devices = [] }: Pick<SandboxContext, 'devices'>,
): SbplSection {
  const nodes = [...new Set([...STANDARD_DEVICES, ...devices])]
    .filter((path) => path.startsWith('/dev/') && isExpressible(path) && !isMasked(table, path))
    .map((path) => filter('literal', path));
  return {
    heading: ['File writes: the table of paths, the deepest row last; then what keeps its name'],
    forms: [
      ...tableForms(table, WRITE),
      ...ruleAbout('allow', ['file-read*', 'file-write-data', 'file-ioctl'], nodes),
      ...ruleAbout(
        'deny',
        ['file-write-create', 'file-write-unlink'],
        fixedNames(table).map((path) => filter('literal', path)),
      ),
      rule('deny', ['file-link', 'file-write-setugid']),
    ],
  };
}

/** The names in writable places that rows depend on. */
function fixedNames(table: readonly PathRow[]): readonly string[] {
  const names = table.flatMap((row) => row.names.flatMap((name) => [...ancestorsOf(name), name]));
  const writable = [...new Set(names)].filter(
    (name) => decidingRow(table, canonicalPath(name))?.access === 'read-write',
  );
  return [...new Set(writable.flatMap(pathForms))].sort();
}

function isMasked(table: readonly PathRow[], path: string): boolean {
  const row = decidingRow(table, canonicalPath(path));
  return row?.access === 'hidden' && row.path === canonicalPath(path);
}
