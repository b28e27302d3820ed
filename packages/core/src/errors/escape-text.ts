// C0 and C1 controls, DEL, and the bidirectional overrides that can make a terminal show something else than it says.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Makes text of a guest or an image safe to show a person: control characters become `\xNN`, newlines and tabs stay.
 * @param text untrusted text
 * @param maxLength longer text is cut, with a note of how much is missing
 */
export function escapeText(text: string, maxLength = 4096): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}… (${text.length - maxLength} more)` : text;
  return cut.replace(UNSAFE, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
