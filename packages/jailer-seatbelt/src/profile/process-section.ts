import { filter, rule, type SbplSection, symbol } from '../sbpl/sbpl-form.js';
import type { PathRow } from './path-table.js';
import { SYSTEM_LIBRARIES } from './system-paths.js';
import { type Permission, tableForms } from './table-forms.js';

const EXECUTE: Permission = {
  holds: (access) => access === 'read-only',
  operations: [{ names: ['process-exec*', 'file-map-executable'] }],
};

/** What may run: what is granted for reading. What can be written cannot be executed, nor mapped as code. */
export function processSection(table: readonly PathRow[]): SbplSection {
  return {
    heading: ['Processes: code comes from read-only places; signals go to the command and its children'],
    forms: [
      rule('allow', ['process-fork']),
      rule('allow', ['process-info*'], [filter('target', symbol('self'))]),
      rule('allow', ['signal'], [filter('target', symbol('self')), filter('target', symbol('children'))]),
      rule(
        'allow',
        ['file-map-executable'],
        SYSTEM_LIBRARIES.map((path) => filter('subpath', path)),
      ),
      ...tableForms(table, EXECUTE),
    ],
  };
}
