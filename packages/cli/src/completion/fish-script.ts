import { type CommandWords, listingOf, type ProgramWords } from './command-words.js';

/** Completion for fish. */
export function fishScript(words: ProgramWords): string {
  const groups = words.commands.filter(({ commands }) => commands.length > 0).map(({ name }) => name);
  const lines = words.commands.flatMap((command) => [
    `complete -c boxlite -n __fish_use_subcommand -a ${command.name} -d '${quoted(command.summary)}'`,
    ...(command.commands.length === 0
      ? ownLines(command, outsideOf(command.name, groups), words)
      : groupLines(command, words)),
  ]);
  return `${lines.join('\n')}\n`;
}

/** `rm` of boxes is not the `rm` of `image rm`. */
function outsideOf(name: string, groups: readonly string[]): string {
  return `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${groups.join(' ')}`;
}

function groupLines(group: CommandWords, words: ProgramWords): readonly string[] {
  const children = group.commands.map(({ name }) => name).join(' ');
  const inGroup = `__fish_seen_subcommand_from ${group.name}`;
  return group.commands.flatMap((child) => [
    `complete -c boxlite -f -n '${inGroup}; and not __fish_seen_subcommand_from ${children}' -a ${child.name} -d '${quoted(child.summary)}'`,
    ...ownLines(child, `${inGroup}; and __fish_seen_subcommand_from ${child.name}`, words),
  ]);
}

function ownLines({ options, operands }: CommandWords, condition: string, words: ProgramWords): readonly string[] {
  const listing = listingOf(operands);
  return [
    ...options
      .filter((option) => option.startsWith('--'))
      .map((option) => `complete -c boxlite -n '${condition}' -l ${option.slice(2)}${optionValue(option, words)}`),
    ...(listing === undefined ? [] : [`complete -c boxlite -n '${condition}' -f -a '(${listing})'`]),
  ];
}

/** What fish completes after an option. */
function optionValue(option: string, { fileOptions, choices }: ProgramWords): string {
  const words = choices[option];
  if (fileOptions.includes(option)) return words === undefined ? ' -r -F' : ` -r -F -a '${words.join(' ')}'`;
  return words === undefined ? '' : ` -x -a '${words.join(' ')}'`;
}

function quoted(text: string): string {
  return text.replaceAll("'", '');
}
