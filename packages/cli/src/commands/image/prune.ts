import type { Command } from 'commander';
import type { CliContext } from '../cli-context.js';
import { addPruneOptions, type PruneFlags, pruneAsAsked } from '../prune-flags.js';

/** `boxlite image prune`. */
export function addImagePruneCommand(parent: Command, context: CliContext): void {
  const command = parent
    .command('prune')
    .summary('remove what no image needs')
    .description('Remove what tags have moved away from; with -a also every image that no box was made from.');
  addPruneOptions(command).action((flags: PruneFlags) =>
    context.managesHome(
      (boxlite, { abortSignal }) => pruneAsAsked(flags, abortSignal, (options) => boxlite.images.prune(options)),
      flags.json,
    ),
  );
}
