import { escapeText } from '@boxlite/core';
import type { Command } from 'commander';
import { parseWholeNumber } from '../arguments/parse-numbers.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';

/** `boxlite logs`: the console of a box. Always escaped: it is what a guest wrote, and no output of a command that was asked for. */
export function addLogsCommand(program: Command, context: CliContext): void {
  program
    .command('logs')
    .summary('show the console of a box')
    .description(
      'Print what kernel and agent of a box wrote to its console, control characters escaped, also of one that has crashed.',
    )
    .option('-n, --tail <N>', 'only the last N lines; 0 for all', '0')
    .argument('<box>', 'id, name, or beginning of an id')
    .action((id: string, { tail }: { readonly tail: string }) =>
      context.managesHome(async (boxlite) => {
        const count = parseWholeNumber('tail', tail);
        const lines = await (await findBox(boxlite, id)).logs(count === 0 ? {} : { tail: count });
        if (lines.length === 0) process.stderr.write('boxlite: nothing was written to the console yet\n');
        process.stdout.write(lines.map((line) => `${escapeText(line, line.length)}\n`).join(''));
      }),
    );
}
