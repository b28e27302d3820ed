import type { Command } from 'commander';
import { parseSeconds } from '../arguments/parse-numbers.js';
import { createProgress } from '../output/progress.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';

const BOXES = 'ids, names, or beginnings of ids';

/** `boxlite start`, `stop` and `rm`: each takes several boxes, reports every failure, and goes on with the rest. */
export function addLifecycleCommands(program: Command, context: CliContext): void {
  program
    .command('start')
    .summary('start boxes')
    .description('Start boxes; their files are as they were left. The command of `boxlite run` is not run again.')
    .argument('<box...>', BOXES)
    .action((ids: readonly string[]) =>
      context.managesHome((boxlite, { abortSignal }) =>
        context.forEach(ids, async (id) => {
          abortSignal.throwIfAborted();
          const box = await findBox(boxlite, id);
          const progress = createProgress(process.stderr);
          try {
            await box.start({ ...progress, signal: abortSignal });
          } finally {
            progress.end();
          }
        }),
      ),
    );
  program
    .command('stop')
    .summary('stop boxes')
    .description('Stop boxes: the guest is asked first, and killed when the time is over. Files are kept.')
    .argument('<box...>', BOXES)
    .option('-t, --time <SECONDS>', 'how long the guest has', '10')
    .action((ids: readonly string[], { time }: { readonly time: string }) =>
      context.managesHome(async (boxlite) => {
        const graceMs = parseSeconds('time', time) * 1000;
        return context.forEach(ids, async (id) => (await findBox(boxlite, id)).stop({ graceMs }));
      }),
    );
  program
    .command('rm')
    .summary('remove boxes')
    .description('Remove boxes with their files.')
    .argument('<box...>', BOXES)
    .option('-f, --force', 'kill running boxes first')
    .action((ids: readonly string[], { force }: { readonly force?: boolean }) =>
      context.managesHome((boxlite) => context.forEach(ids, (id) => boxlite.remove(id, { force: force === true }))),
    );
}
