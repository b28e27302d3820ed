import { commandIndex } from './command-index.js';

/**
 * Stands where the user wrote `--`. commander drops that word, and with it whether an image came before it; an argument can hold
 * no NUL, so this one cannot come from a user.
 */
export const SEPARATOR = '\0--';

/** Puts {@link SEPARATOR} in the place of the first `--` of `run` and `create`. Words of any other command stay as they are. */
export function markSeparator(argv: readonly string[]): string[] {
  const command = commandIndex(argv);
  const splits = argv[command] === 'run' || argv[command] === 'create';
  const at = splits ? argv.indexOf('--', command) : -1;
  return argv.map((word, index) => (index === at ? SEPARATOR : word));
}

/**
 * Splits `[IMAGE] [--] [CMD…]`: what stands before `--` is the image, without `--` the first word is. A `--` further on belongs to the
 * command.
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
  if (separator === 1) return { image, command: words.slice(2) };
  return { image, command: command.map((word) => (word === SEPARATOR ? '--' : word)) };
}
