import type { SandboxContext } from '@boxlite/core';
import { filter, rule, ruleAbout, type SbplSection } from '../sbpl/sbpl-form.js';
import { ancestorsOf, canonicalPath, pathForms, realName } from './path-forms.js';
import { decidingRow, type PathRow } from './path-table.js';
import { ROOT_LINKS, SYSTEM_LIBRARIES } from './system-paths.js';
import { type Permission, tableForms } from './table-forms.js';

const READ: Permission = { holds: (access) => access !== 'hidden', operations: [{ names: ['file-read*'] }] };

/**
 * What may be read. Directories that lead to something visible can be looked at (their owner, mode and times), not listed: programs
 * resolve paths step by step.
 */
export function readSection(
  table: readonly PathRow[],
  { symlinks = [] }: Pick<SandboxContext, 'symlinks'>,
): SbplSection {
  return {
    heading: ['File reads: the system libraries, then the table of paths, the deepest row last'],
    forms: [
      // The loader reads the root directory itself before it resolves an absolute path, and aborts where it may not.
      rule(
        'allow',
        ['file-read*'],
        ['/', ...ROOT_LINKS].map((path) => filter('literal', path)),
      ),
      rule(
        'allow',
        ['file-read*'],
        SYSTEM_LIBRARIES.map((path) => filter('subpath', path)),
      ),
      ...tableForms(table, READ),
      ...ruleAbout(
        'allow',
        ['file-read-metadata'],
        waysTo(
          table,
          symlinks.map(({ path }) => realName(path)),
        ).map((path) => filter('literal', path)),
      ),
    ],
  };
}

/** The links, and the directories above them and above every visible row, that are not visible anyway. */
function waysTo(table: readonly PathRow[], links: readonly string[]): readonly string[] {
  const visible = table.filter(({ access }) => access !== 'hidden').flatMap(({ names }) => names);
  const places = [...[...visible, ...links].flatMap(ancestorsOf), ...links];
  const dark = [...new Set(places)].filter(
    (place) => (decidingRow(table, canonicalPath(place))?.access ?? 'hidden') === 'hidden',
  );
  return [...new Set(dark.flatMap(pathForms))].filter((path) => !['/', ...ROOT_LINKS].includes(path)).sort();
}
