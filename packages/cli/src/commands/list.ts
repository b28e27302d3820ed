import type { BoxInfo } from '@boxlite/sdk';
import { type Command, Option } from 'commander';
import { ago } from '../output/ago.js';
import { formatJson } from '../output/format-json.js';
import { formatTable } from '../output/table.js';
import type { CliContext } from './cli-context.js';
import { jsonOption } from './options.js';

interface ListFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly names?: boolean;
  readonly running?: boolean;
}

/** `boxlite ls`: every box of the home; stopped ones too, since they keep their files. */
export function addListCommand(program: Command, context: CliContext): void {
  program
    .command('ls')
    .alias('list')
    .alias('ps')
    .summary('list boxes')
    .description('List the boxes of this home, running or not.')
    .option('-a, --all', 'accepted for habit: all boxes are listed anyway')
    .option('--running', 'only running boxes')
    .option('-q, --quiet', 'only ids')
    .addOption(new Option('--names', 'only names, and ids of boxes without one; for completion scripts').hideHelp())
    .addOption(jsonOption())
    .action(({ json, quiet, names, running }: ListFlags) =>
      context.managesHome(async (boxlite) => {
        const all = await boxlite.list();
        const boxes = running === true ? all.filter((box) => box.running) : all;
        if (json === true) process.stdout.write(`${formatJson(boxes)}\n`);
        else if (names === true) process.stdout.write(boxes.map(({ id, name }) => `${name ?? id}\n`).join(''));
        else if (quiet === true) process.stdout.write(boxes.map((box) => `${box.id}\n`).join(''));
        else process.stdout.write(`${listTable(boxes, Date.now())}\n`);
      }, json),
    );
}

/** The table of `ls`. @param now milliseconds since the epoch */
export function listTable(boxes: readonly BoxInfo[], now: number): string {
  return formatTable(
    ['BOX ID', 'NAME', 'STATUS', 'IMAGE', 'CREATED'],
    boxes.map((box) => [
      box.id,
      box.name ?? '-',
      box.exitCode === null ? box.status : `${box.status} (${box.exitCode})`,
      shortImage(box.image),
      ago(now - Date.parse(box.createdAt)),
    ]),
  );
}

/** The end of a long local path says more than its beginning. */
function shortImage(image: string): string {
  return image.length <= 48 ? image : `…${image.slice(-47)}`;
}
