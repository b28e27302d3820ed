import type { Command } from 'commander';
import { imageAndCommand } from '../arguments/image-and-command.js';
import { type BoxFlags, boxOptions } from './box-flags.js';
import type { CliContext } from './cli-context.js';
import * as flags from './options.js';

/** `boxlite create`: records a box and prints its id; `start` or the first `exec` boots it. */
export function addCreateCommand(program: Command, context: CliContext): void {
  program
    .command('create')
    .summary('create a box without starting it')
    .description('Create a box and print its id. It boots at `boxlite start` or at its first `boxlite exec`.')
    .usage(flags.IMAGE_USAGE)
    .argument('[image]', 'image reference, oci:DIR or oci-archive:FILE')
    .argument('[cmd...]', "the command and its arguments; without one the image's own")
    .addOption(flags.envOption())
    .addOption(flags.workdirOption())
    .addOption(flags.userOption())
    .addOption(flags.cpusOption())
    .addOption(flags.memoryOption())
    .addOption(flags.diskSizeOption())
    .addOption(flags.nameOption())
    .addOption(flags.hostnameOption())
    .addOption(flags.entrypointOption())
    .addOption(flags.vmmOption())
    .passThroughOptions()
    .action((_image: unknown, _words: unknown, given: BoxFlags, command: Command) =>
      context.managesHome(async (boxlite) => {
        const { image, command: cmd } = imageAndCommand(command.args);
        const box = await boxlite.create({ ...boxOptions(given, image, cmd), detach: true });
        process.stdout.write(`${box.id}\n`);
      }),
    );
}
