/** The real user id of this process. Windows has none; a home there belongs to nobody else, so any number does. */
export function currentUid(): number {
  return process.getuid?.() ?? 0;
}
