/** Where the command's name stands: the first word that is no option, nor the value of `--home`. -1 when there is none. */
export function commandIndex(argv: readonly string[]): number {
  return argv.findIndex((word, index) => !word.startsWith('-') && argv[index - 1] !== '--home');
}
