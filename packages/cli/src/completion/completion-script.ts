import { BoxliteError } from '@boxlite/core';
import { defaultRegistry } from '@boxlite/sdk';
import type { Command } from 'commander';
import { bashScript } from './bash-script.js';
import type { CommandWords } from './command-words.js';
import { fishScript } from './fish-script.js';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What the operands of commands are. */
const OPERANDS: Readonly<Record<string, CommandWords['operands']>> = {
  exec: 'boxes',
  start: 'boxes',
  stop: 'boxes',
  rm: 'boxes',
  inspect: 'boxes',
  pause: 'boxes',
  resume: 'boxes',
  fork: 'boxes',
  restore: 'boxes',
  'snapshot create': 'boxes',
  'snapshot ls': 'boxes',
  'snapshot rm': 'boxes',
  run: 'images',
  create: 'images',
  pull: 'images',
  save: 'images',
  rmi: 'images',
  'image pull': 'images',
  'image save': 'images',
  'image rm': 'images',
  'image inspect': 'images',
  'template rm': 'templates',
};

/** Options whose value is a file, or may be one. */
const FILE_OPTIONS: readonly string[] = ['--plugin', '--home', '--config', '--kernel', '--input', '--output'];

/**
 * A completion script for one shell, with every command and option of the program; names of boxes and images are asked of `boxlite ls --names`
 * and `boxlite images --names` when needed.
 * @throws BoxliteError `invalid_argument` (field `shell`)
 */
export function completionScript(program: Command, shell: Shell): string {
  const words = {
    commands: program.commands.map((command) => wordsOf(command, '')),
    fileOptions: FILE_OPTIONS,
    choices: {
      '--vmm': idsOf('vmm'),
      '--sandbox': idsOf('sandbox'),
      '--kernel': idsOf('kernel-source'),
      ...choicesOf(program),
    },
  };
  if (shell === 'bash') return bashScript(words);
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`;
  if (shell === 'fish') return fishScript(words);
  throw new BoxliteError('invalid_argument', `there is no completion for ${JSON.stringify(shell)}`, {
    hint: 'choose bash, zsh or fish',
    details: { field: 'shell' },
  });
}

function wordsOf(command: Command, parent: string): CommandWords {
  const path = `${parent}${command.name()}`;
  const flags = command.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
  return {
    name: command.name(),
    aliases: command.aliases(),
    summary: command.summary(),
    options: [...flags, '--help'],
    operands: OPERANDS[path] ?? 'none',
    commands: command.commands.map((child) => wordsOf(child, `${path} `)),
  };
}

/** Ids of the plugins that come with BoxLite. */
function idsOf(kind: 'vmm' | 'sandbox' | 'kernel-source'): readonly string[] {
  return defaultRegistry()
    .list(kind)
    .map(({ id }) => id);
}

/** Options that take one of a few words, such as `--pull`, whatever command they belong to. */
function choicesOf(command: Command): Readonly<Record<string, readonly string[]>> {
  const own = command.options.flatMap(({ long, argChoices }) =>
    long === undefined || long === null || argChoices === undefined ? [] : [[long, argChoices] as const],
  );
  return Object.assign(Object.fromEntries(own), ...command.commands.map(choicesOf));
}
