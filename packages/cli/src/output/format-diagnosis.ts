import { escapeLine } from '@boxlite/core';
import type { Check, Diagnosis } from '@boxlite/sdk';

const MARKS: Readonly<Record<Check['status'], string>> = { ok: 'ok  ', warning: 'warn', failed: 'FAIL' };
/** Long enough for the ids of our own plugins; a longer one only pushes its line. */
const NAME_WIDTH = 24;

/**
 * A diagnosis as a person reads it: a line a check, then what to do, each remedy once. Text of the host is made harmless.
 */
export function formatDiagnosis({ healthy, checks }: Diagnosis): string {
  const remedies = [...new Set(checks.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy])))];
  const lines = checks.flatMap((check) => checkLines(check, remedies));
  const advice = remedies.map((remedy, index) => `  [${index + 1}] ${escapeLine(remedy)}`);
  const help = advice.length === 0 ? [] : ['', 'What would help:', ...advice];
  return `${[...lines, ...help, '', conclusion(healthy, checks)].join('\n')}\n`;
}

function checkLines({ id, status, detail, remedy, facts }: Check, remedies: readonly string[]): readonly string[] {
  const [first = '', ...rest] = detail.split('\n');
  const number = remedy === undefined ? '' : ` [${remedies.indexOf(remedy) + 1}]`;
  const chosen = facts.default === true ? ' (default)' : '';
  const name = escapeLine(id.replace(':', ' ')).padEnd(NAME_WIDTH);
  const more = isPlugin(facts) ? [] : rest.map((line) => `        ${escapeLine(line.trim())}`);
  return [`${MARKS[status]}  ${name} ${escapeLine(first)}${chosen}${number}`, ...more];
}

/** Of a plugin's reason the first line is enough: what it is about has a check of its own. */
function isPlugin(facts: Check['facts']): boolean {
  return facts.plugin !== undefined;
}

function conclusion(healthy: boolean, checks: readonly Check[]): string {
  const chosen = (kind: string) =>
    checks
      .filter(({ facts }) => facts.kind === kind && facts.default === true)
      .map(({ facts }) => facts.plugin)
      .join('+');
  if (healthy) return escapeLine(`Boxes run here, with VMM ${chosen('vmm')} in sandbox ${chosen('sandbox')}.`);
  const failed = checks.filter(({ status }) => status === 'failed').map(({ id }) => id.replace(':', ' '));
  return escapeLine(`No box can run here before this is mended: ${failed.join(', ')}.`);
}
