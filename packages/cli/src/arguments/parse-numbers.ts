import { BoxliteError } from '@boxlite/core';

/** @param option name without dashes @throws BoxliteError `invalid_argument` naming the option as the field */
export function parseWholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw notA('whole number', option, text, '2');
}

/** Seconds, also with a fraction. @throws BoxliteError `invalid_argument` naming the option as the field */
export function parseSeconds(option: string, text: string): number {
  if (/^\d{1,6}(\.\d{1,6})?$/.test(text)) return Number(text);
  throw notA('number of seconds', option, text, '10');
}

function notA(what: string, option: string, text: string, example: string): BoxliteError {
  return new BoxliteError('invalid_argument', `--${option} ${JSON.stringify(text)} is not a ${what}`, {
    hint: `write --${option} ${example}`,
    details: { field: option },
  });
}
