import { BoxliteError, escapeText } from '@boxlite/core';
import { formatJsonLine } from './format-json.js';

/** One failure as a person reads it, or as a program does with `--json`. Text of guests and images is made harmless. */
export function formatError(thrown: unknown, options: { readonly json: boolean; readonly debug: boolean }): string {
  if (options.json) {
    const error = BoxliteError.isInstance(thrown)
      ? { code: thrown.code, message: thrown.message, hint: thrown.hint, details: thrown.details }
      : { code: 'internal', message: thrown instanceof Error ? thrown.message : String(thrown) };
    return formatJsonLine({ error });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const lines = [`boxlite: ${indented(message)}`];
  if (BoxliteError.isInstance(thrown) && thrown.hint !== undefined) lines.push(`  hint: ${indented(thrown.hint)}`);
  if (options.debug && thrown instanceof Error) lines.push(escapeText(thrown.stack ?? '', 20_000));
  return lines.join('\n');
}

/** Only what begins at the margin, or with our hint, is ours: the text may come from a guest. */
function indented(text: string): string {
  return escapeText(text).replaceAll('\n', '\n    ');
}
