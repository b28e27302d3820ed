import type { SandboxContext } from '@boxlite/core';
import { type ViewRule, viewRules } from './view-rules.js';

/**
 * A view as the helper mounts it that makes trees (grammar: `view-tree.h` of jailer's native/hand-over): the same rules in the same order as bubblewrap's
 * own arguments. A pure function.
 * @param tmpSizeBytes of the view's own `/tmp`
 */
export function viewRecords(context: SandboxContext, tmpSizeBytes: number): readonly string[] {
  return [`t${tmpSizeBytes}:/tmp`, ...viewRules(context).map(recordOf)];
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
