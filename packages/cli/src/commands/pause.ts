import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';

const BOXES = 'ids, names, or beginnings of ids';

/** `boxlite pause` and `resume`: several boxes each, as `start` and `stop`. */
export function addPauseCommands(program: Command, context: CliContext): void {
  program
    .command('pause')
    .summary('make boxes stand still')
    .description(
      'Make running boxes stand still, in memory and without using a processor. The next command run in one lets it go on.',
    )
    .argument('<box...>', BOXES)
    .action((ids: readonly string[]) =>
      context.managesHome((boxlite, { abortSignal }) =>
        context.forEach(ids, async (id) => (await findBox(boxlite, id)).pause({ signal: abortSignal })),
      ),
    );
  program
    .command('resume')
    .alias('unpause')
    .summary('let paused boxes go on')
    .description('Let paused boxes go on.')
    .argument('<box...>', BOXES)
    .action((ids: readonly string[]) =>
      context.managesHome((boxlite, { abortSignal }) =>
        context.forEach(ids, async (id) => (await findBox(boxlite, id)).resume({ signal: abortSignal })),
      ),
    );
}
