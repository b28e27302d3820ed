import { type CommandWords, listingOf, type ProgramWords } from './command-words.js';

/** Completion for bash, and for zsh's emulation of it. */
export function bashScript({ commands, fileOptions, choices }: ProgramWords): string {
  return [
    '_boxlite() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" head=""',
    // bash splits words at colons, of which references of images have some: the word is what stands before the cursor.
    '  if [ -n "$COMP_LINE" ]; then',
    '    current="${COMP_LINE:0:${COMP_POINT:-${#COMP_LINE}}}"; current="${current##* }"',
    '    case "$COMP_WORDBREAKS" in *:*) case "$current" in *:*) head="${current%:*}:" ;; esac ;; esac',
    '  fi',
    '  case "$previous" in',
    // No words of ours: the shell's own completion of file names takes over.
    `    ${fileOptions.filter((option) => choices[option] === undefined).join('|')}) COMPREPLY=(); return ;;`,
    // Where none of the words fits, a file is meant, if the option takes one: `-o default` below completes it.
    ...Object.entries(choices).map(
      ([option, words]) => `    ${option}) COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$current")); return ;;`,
    ),
    '  esac',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$current"))`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]}" in',
    ...commands.flatMap((command) => branch(command)),
    '  esac',
    // What stands before the last colon is on the line already, as a word of its own.
    '  if [ -n "$head" ]; then COMPREPLY=("${COMPREPLY[@]#"$head"}"); fi',
    '}',
    'complete -o default -F _boxlite boxlite',
    '',
  ].join('\n');
}

function branch(command: CommandWords): readonly string[] {
  if (command.commands.length === 0) return [`    ${names(command)}) ${reply(command)} ;;`];
  const words = command.commands.map(({ name }) => name).join(' ');
  return [
    `    ${names(command)})`,
    `      if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "${words}" -- "$current")); return; fi`,
    '      case "${COMP_WORDS[2]}" in',
    ...command.commands.map((child) => `        ${names(child)}) ${reply(child)} ;;`),
    '      esac ;;',
  ];
}

function names({ name, aliases }: CommandWords): string {
  return [name, ...aliases].join('|');
}

function reply({ options, operands }: CommandWords): string {
  const listing = listingOf(operands);
  const words = listing === undefined ? options.join(' ') : `${options.join(' ')} $(${listing})`;
  return `COMPREPLY=($(compgen -W "${words}" -- "$current"))`;
}
