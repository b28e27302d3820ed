import type { SandboxContext } from '@boxlite/core';
import { type ViewRule, viewRules } from './view-rules.js';

/**
 * A view as the helper mounts it that makes trees (grammar: `view-tree.h` of jailer's native/hand-over): the same rules in the same order as bubblewrap's
 * own arguments. A pure function.
 * @param tmpSizeBytes of the view's own `/tmp`
 */
export function viewRecords(context: SandboxContext, tmpSizeBytes: number): readonly string[] {
  const rules = viewRules(context);
  const pinned = new Set<string>();
  return [
    `t${tmpSizeBytes}:/tmp`,
    ...rules.flatMap((rule, index) => {
      const pins = directoriesToPin(rule, rules.slice(0, index)).filter((path) => !pinned.has(path));
      for (const path of pins) pinned.add(path);
      return [...pins.map((path) => `p${path}`), recordOf(rule)];
    }),
  ];
}

/**
 * The directories between a writable grant and what is fixed below it. The command could rename one of them, and at the next start find what was
 * read-only or hidden under a name where it is neither; a directory that is mounted cannot be renamed.
 */
function directoriesToPin(rule: ViewRule, before: readonly ViewRule[]): readonly string[] {
  if (rule.kind === 'device' || (rule.kind === 'grant' && rule.writable)) return [];
  const above = before.filter(({ path }) => rule.path.startsWith(`${path}/`)).at(-1);
  if (above?.kind !== 'grant' || !above.writable || above.path === '/proc') return [];
  const between = rule.path
    .slice(above.path.length + 1)
    .split('/')
    .slice(0, -1);
  return between.map((_name, index) => [above.path, ...between.slice(0, index + 1)].join('/'));
}

function recordOf(rule: ViewRule): string {
  switch (rule.kind) {
    case 'grant':
      if (rule.path === '/proc') return 'e/proc';
      return `${rule.writable ? 'w' : 'r'}${rule.path}`;
    case 'device':
      return `d${rule.path}`;
    case 'mask':
      return `${rule.directory ? 'h' : 'n'}${rule.path}`;
  }
}
