/**
 * Stands where the user wrote `--`. commander drops that word, and with it whether an image came before it; an argument can hold
 * no NUL, so this one cannot come from a user.
 */
export const SEPARATOR = '\0--';

/** Puts {@link SEPARATOR} in the place of the first `--` of `run` and `create`. */
export function markSeparator(argv: readonly string[]): string[] {
  const command = argv.findIndex((word) => word === 'run' || word === 'create');
  const at = command === -1 ? -1 : argv.indexOf('--', command);
  return argv.map((word, index) => (index === at ? SEPARATOR : word));
}

/**
 * Splits `[IMAGE] [--] [CMD…]`: what stands before `--` is the image, without `--` the first word is.
 * @returns no `image` when there was none before `--`, or no word at all
 */
export function imageAndCommand(words: readonly string[]): {
  readonly image?: string;
  readonly command: readonly string[];
} {
  const separator = words.indexOf(SEPARATOR);
  if (separator === 0) return { command: words.slice(1) };
  const [image, ...command] = words;
  if (image === undefined) return { command: [] };
  return { image, command: separator === 1 ? words.slice(2) : command };
}
