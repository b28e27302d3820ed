/** What can be completed of one command. */
export interface CommandWords {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly options: readonly string[];
  /** What its operands name. */
  readonly operands: 'boxes' | 'images' | 'templates' | 'none';
  /** Of a group, such as `image`. */
  readonly commands: readonly CommandWords[];
}

/** What can be completed of the whole program. */
export interface ProgramWords {
  readonly commands: readonly CommandWords[];
  /** Options whose value is a file. */
  readonly fileOptions: readonly string[];
  /** Options whose value is one of a few words. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
}

/** The command that lists what operands name, for the shell to run. */
export function listingOf(operands: CommandWords['operands']): string | undefined {
  if (operands === 'none') return undefined;
  if (operands === 'templates') return 'boxlite template ls --quiet 2>/dev/null';
  return operands === 'boxes' ? 'boxlite ls --names 2>/dev/null' : 'boxlite images --names 2>/dev/null';
}
