/** DEL and the C1 controls (U+009B begins an escape sequence), and the marks that turn text around: JSON.stringify leaves them as they are. */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON for programs, on lines a terminal can show whatever the strings hold. A member without a value is null, so that it is always there. */
export function formatJson(value: unknown): string {
  return harmless(JSON.stringify(value, (_key, member: unknown) => member ?? null, 2));
}

/** The same on one line, for streams of documents. */
export function formatJsonLine(value: unknown): string {
  return harmless(JSON.stringify(value));
}

function harmless(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
