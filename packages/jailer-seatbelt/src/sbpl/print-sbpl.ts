import type { SbplForm, SbplNode, SbplSection } from './sbpl-form.js';
import { sbplString } from './sbpl-string.js';

/** The longest form that stays on one line, in characters. */
const LINE_WIDTH = 100;

/** The text of a profile: sections under their headings, one filter a line where a rule is long. */
export function printSbpl(sections: readonly SbplSection[]): string {
  return sections
    .map(({ heading, forms }) => [...heading.map((line) => `; ${line}`), ...forms.map(printForm)].join('\n'))
    .join('\n\n')
    .concat('\n');
}

function printForm(form: SbplForm): string {
  const line = printNode(form);
  if (line.length <= LINE_WIDTH) return line;
  const words = form.findIndex((node) => Array.isArray(node));
  if (words < 0) return line;
  const head = form.slice(0, words).map(printNode).join(' ');
  return `(${head}\n${form
    .slice(words)
    .map((node) => `  ${printNode(node)}`)
    .join('\n')})`;
}

function printNode(node: SbplNode): string {
  if (typeof node === 'string') return sbplString(node);
  if ('symbol' in node) return node.symbol;
  return `(${node.map(printNode).join(' ')})`;
}
