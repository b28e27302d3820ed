import { filter, ruleAbout, type SbplForm } from '../sbpl/sbpl-form.js';
import { pathForms } from './path-forms.js';
import { type Access, accessAround, type PathRow } from './path-table.js';

/** A kind of thing a process does at a path, as a section of the profile sees it. */
export interface Permission {
  /** What may do it; the others may not. */
  readonly holds: (access: Access) => boolean;
  /** Operations with the filter each takes a path by, such as `network-bind` with `(local unix-socket …)`. */
  readonly operations: readonly { readonly names: readonly string[]; readonly about?: (path: SbplForm) => SbplForm }[];
}

/**
 * The rows of a table as rules about one permission: shallow ones first, since of two rules that match the later one holds.
 *
 * A row that changes nothing makes no rule, but for hidden ones: they are said in each section, whatever the rules before them.
 */
export function tableForms(table: readonly PathRow[], { holds, operations }: Permission): readonly SbplForm[] {
  const runs: { readonly action: 'allow' | 'deny'; readonly rows: PathRow[] }[] = [];
  for (const row of table) {
    const action = holds(row.access) ? 'allow' : 'deny';
    if (row.access !== 'hidden' && holds(row.access) === holds(accessAround(table, row))) continue;
    const last = runs.at(-1);
    if (last?.action === action) last.rows.push(row);
    else runs.push({ action, rows: [row] });
  }
  return runs.flatMap(({ action, rows }) => {
    const filters = rows.flatMap(filtersOf);
    return operations.flatMap(({ names, about = (path) => path }) => ruleAbout(action, names, filters.map(about)));
  });
}

/** `subpath` covers a directory and what is below it; whether it covers a plain file is told differently, so `literal` is always said too. */
function filtersOf({ names }: PathRow): readonly SbplForm[] {
  return unique(names.flatMap(pathForms)).flatMap((path) => [filter('literal', path), filter('subpath', path)]);
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
