import { readFileSync } from 'node:fs';
import { errnoOf } from '@boxlite/core';
import { CommanderError } from 'commander';
import { commandIndex } from './arguments/command-index.js';
import { markSeparator } from './arguments/image-and-command.js';
import { usageStatusOf } from './exit-status.js';
import { createProgram } from './program.js';

/**
 * Runs one command line.
 * @param argv without node and script
 * @returns the exit status
 */
export async function main(argv: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', tolerateBrokenPipe);
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const { program, context } = createProgram((manifest as { version: string }).version, argv[commandIndex(argv)]);
  try {
    await program.parseAsync(markSeparator(argv), { from: 'user' });
    return context.exitStatus;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // commander has printed its message; help and version are no failures.
    return thrown.exitCode === 0 ? 0 : usageStatusOf(argv);
  }
}

/** `boxlite ls | head -1` closes the pipe early, which is no failure of ours. Anything else is thrown as it would be without a listener. */
function tolerateBrokenPipe(error: Error): void {
  if (errnoOf(error) !== 'EPIPE') throw error;
}
