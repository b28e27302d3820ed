/** Options before the command that are followed by a value. */
const TAKE_VALUE: readonly (string | undefined)[] = ['--home', '--plugin', '--config', '--registry'];

/** Where the command's name stands: the first word that is no option, nor the value of one. -1 when there is none. */
export function commandIndex(argv: readonly string[]): number {
  return argv.findIndex((word, index) => !word.startsWith('-') && !TAKE_VALUE.includes(argv[index - 1]));
}
