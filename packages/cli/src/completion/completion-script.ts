import { BoxliteError } from '@boxlite/core';
import { defaultRegistry } from '@boxlite/sdk';
import type { Command } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** Commands whose operands are boxes. */
const TAKES_BOX = new Set(['exec', 'start', 'stop', 'rm', 'inspect']);

/** Options whose value is a file. */
const FILE_OPTIONS: readonly string[] = ['--plugin', '--home'];
/** Options whose value is the id of a plugin; those that come with BoxLite. */
const CHOICES: Readonly<Record<string, readonly string[]>> = { '--vmm': idsOf('vmm'), '--sandbox': idsOf('sandbox') };

function idsOf(kind: 'vmm' | 'sandbox'): readonly string[] {
  return defaultRegistry()
    .list(kind)
    .map(({ id }) => id);
}

interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly boxes: boolean;
}

/**
 * A completion script for one shell, with every command and option of the program; box names are asked of `boxlite ls --names` when needed.
 * @throws BoxliteError `invalid_argument` (field `shell`)
 */
export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: [
      ...command.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined)),
      '--help',
    ],
    boxes: TAKES_BOX.has(command.name()),
  }));
  if (shell === 'bash') return bash(commands);
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
  if (shell === 'fish') return fish(commands);
  throw new BoxliteError('invalid_argument', `there is no completion for ${JSON.stringify(shell)}`, {
    hint: 'choose bash, zsh or fish',
    details: { field: 'shell' },
  });
}

function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, options, boxes }) => {
    const words = boxes ? `${options.join(' ')} $(boxlite ls --names 2>/dev/null)` : options.join(' ');
    return `    ${name}) COMPREPLY=($(compgen -W "${words}" -- "$current")) ;;`;
  });
  return [
    '_boxlite() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"',
    '  case "$previous" in',
    // No words of ours: the shell's own completion of file names takes over.
    `    ${FILE_OPTIONS.join('|')}) COMPREPLY=(); return ;;`,
    ...Object.entries(CHOICES).map(
      ([option, ids]) => `    ${option}) COMPREPLY=($(compgen -W "${ids.join(' ')}" -- "$current")); return ;;`,
    ),
    '  esac',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$current"))`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    '  esac',
    '}',
    'complete -o default -F _boxlite boxlite',
    '',
  ].join('\n');
}

function fish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, summary, options, boxes }) => [
    `complete -c boxlite -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", '')}'`,
    ...options
      .filter((option) => option.startsWith('--'))
      .map(
        (option) =>
          `complete -c boxlite -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}${fishValue(option)}`,
      ),
    ...(boxes
      ? [`complete -c boxlite -n '__fish_seen_subcommand_from ${name}' -f -a '(boxlite ls --names 2>/dev/null)'`]
      : []),
  ]);
  return `${lines.join('\n')}\n`;
}

/** What fish completes after an option. */
function fishValue(option: string): string {
  if (FILE_OPTIONS.includes(option)) return ' -r -F';
  const ids = CHOICES[option];
  return ids === undefined ? '' : ` -x -a '${ids.join(' ')}'`;
}
