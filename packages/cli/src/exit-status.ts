import { BoxliteError } from '@boxlite/core';
import { commandIndex } from './arguments/command-index.js';

/** Docker's meanings: 125 our own failure, 126 the command cannot be executed, 127 it does not exist. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
export const EXIT_BOXLITE_FAILED = 125;
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;

/** Statuses below 125 of these commands belong to what they run. */
const RUN_A_COMMAND: readonly (string | undefined)[] = ['run', 'exec'];

/** The exit status of a command line that could not be understood; 125 of `run` and `exec`, as Docker has it. */
export function usageStatusOf(argv: readonly string[]): number {
  return RUN_A_COMMAND.includes(argv[commandIndex(argv)]) ? EXIT_BOXLITE_FAILED : EXIT_USAGE;
}

/**
 * The exit status of a failed command.
 * @param thrown what escaped
 * @param runsCommand true for `run` and `exec`, whose statuses below 125 belong to the command
 */
export function exitStatusOf(thrown: unknown, runsCommand: boolean): number {
  if (!runsCommand) return EXIT_FAILURE;
  if (BoxliteError.isInstance(thrown, 'command_not_found')) return EXIT_NOT_FOUND;
  // Docker says 126 for whatever keeps an existing command from being started in the container.
  if (BoxliteError.isInstance(thrown, 'command_not_executable')) return EXIT_NOT_EXECUTABLE;
  if (BoxliteError.isInstance(thrown, 'cwd_not_found') || BoxliteError.isInstance(thrown, 'user_not_found')) {
    return EXIT_NOT_EXECUTABLE;
  }
  return EXIT_BOXLITE_FAILED;
}
