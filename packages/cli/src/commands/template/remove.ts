import { BoxliteError } from '@boxlite/core';
import type { Command } from 'commander';
import { formatJson } from '../../output/format-json.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

interface RemoveFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `boxlite template rm`: several templates, each failure reported, the rest done. */
export function addTemplateRemoveCommand(parent: Command, context: CliContext): void {
  parent
    .command('rm')
    .alias('remove')
    .summary('remove templates')
    .description(
      'Remove templates. Boxes that started from one are not touched; the next one of its shape boots, and it is made again.',
    )
    .argument('[key...]', 'keys, or beginnings of keys')
    .option('-a, --all', 'every template of this home')
    .addOption(jsonOption())
    .action((keys: readonly string[], { all, json }: RemoveFlags) =>
      context.managesHome(async (boxlite) => {
        checkOperands(keys, all === true);
        const named = all === true ? (await boxlite.templates.list()).map(({ key }) => key) : keys;
        const removed: string[] = [];
        await context.eachOf(named, json === true, async (key) => {
          removed.push(await boxlite.templates.remove(key));
          if (json !== true) process.stdout.write(`${key}\n`);
        });
        if (json === true) process.stdout.write(`${formatJson({ removed })}\n`);
      }, json),
    );
}

/** Keys or all of them: neither is nothing to do, and both is a mistake. */
function checkOperands(keys: readonly string[], all: boolean): void {
  if (keys.length > 0 !== all) return;
  throw new BoxliteError('invalid_argument', all ? '--all and keys cannot be combined' : 'no template is named', {
    hint: 'name templates, or give --all; `boxlite template ls` lists them',
    details: { field: 'key' },
  });
}
