// C0 and C1 controls, DEL, the bidirectional marks and overrides that can make a terminal show something else than it says, and the two other
// characters that end a line.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes text of a guest or an image safe to show a person: control characters become `\xNN`, newlines and tabs stay.
 * @param text untrusted text
 * @param maxLength longer text is cut, with a note of how much is missing
 */
export function escapeText(text: string, maxLength = 4096): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}… (${text.length - maxLength} more)` : text;
  return cut.replace(UNSAFE, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * The same on one line: a line break in a name must not begin a line that looks like one of ours.
 * @param text untrusted text
 * @param maxLength longer text is cut, with a note of how much is missing
 */
export function escapeLine(text: string, maxLength = 4096): string {
  return escapeText(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t'), maxLength);
}
