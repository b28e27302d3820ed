import type { Command } from 'commander';
import { imageAndCommand } from '../arguments/image-and-command.js';
import { type BoxFlags, boxOptions } from './box-flags.js';
import type { CliContext } from './cli-context.js';
import * as flags from './options.js';

/** `boxlite create`: records a box and prints its id; `start` or the first `exec` boots it. */
export function addCreateCommand(program: Command, context: CliContext): void {
  const create = program
    .command('create')
    .summary('create a box without starting it')
    .description('Create a box and print its id. It boots at `boxlite start` or at its first `boxlite exec`.');
  flags
    .addNewBoxOptions(create)
    .passThroughOptions()
    .action((_image: unknown, _words: unknown, given: BoxFlags, command: Command) =>
      context.managesHome(async (boxlite) => {
        const { image, command: cmd } = imageAndCommand(command.args);
        const box = await boxlite.create({ ...boxOptions(given, image, cmd), detach: true });
        process.stdout.write(`${box.id}\n`);
      }),
    );
}
