import type { Command } from 'commander';
import { parseWholeNumber } from '../arguments/parse-numbers.js';
import { formatJson } from '../output/format-json.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';
import { jsonOption, nameOption } from './options.js';

interface ForkFlags {
  readonly number: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** `boxlite fork`: boxes that go on where a running one stands. */
export function addForkCommand(program: Command, context: CliContext): void {
  program
    .command('fork')
    .summary('make boxes that go on where a running one stands')
    .description(
      'Make boxes that go on where a running one stands, processes and all, with memory and disk of their own from there on. ' +
        'They run until they are stopped, and their ids are printed, a line each.',
    )
    .argument('<box>', 'id, name, or the beginning of an id')
    .option('-n, --number <N>', 'how many', '1')
    .addOption(nameOption().default(undefined, "the box's own name with a number"))
    .addOption(jsonOption())
    .action((id: string, { number, name, json }: ForkFlags) =>
      context.managesHome(async (boxlite, { abortSignal: signal }) => {
        const box = await findBox(boxlite, id);
        const made = await box.fork(parseWholeNumber('number', number), {
          ...{ detach: true, autoRemove: false, signal },
          ...(name === undefined ? {} : { name }),
        });
        if (json === true)
          process.stdout.write(`${formatJson(await Promise.all(made.map((child) => child.info())))}\n`);
        else process.stdout.write(made.map((child) => `${child.id}\n`).join(''));
      }, json),
    );
}
