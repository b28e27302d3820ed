import type { Command } from 'commander';
import { formatJson } from '../output/format-json.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';

/** `boxlite inspect`: everything known of boxes, as a JSON array. */
export function addInspectCommand(program: Command, context: CliContext): void {
  program
    .command('inspect')
    .summary('show everything about boxes')
    .description('Print what is known of boxes as a JSON array.')
    .argument('<box...>', 'ids, names, or beginnings of ids')
    .action((ids: readonly string[]) =>
      context.managesHome(async (boxlite) => {
        const found = [];
        for (const id of ids) {
          const box = await findBox(boxlite, id);
          found.push({ ...(await box.info()), metrics: await box.metrics() });
        }
        process.stdout.write(`${formatJson(found)}\n`);
      }, true),
    );
}
