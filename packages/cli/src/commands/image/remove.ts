import { escapeLine } from '@boxlite/core';
import type { RemovedImage } from '@boxlite/sdk';
import type { Command } from 'commander';
import { humanBytes } from '../../output/ago.js';
import { formatJson } from '../../output/format-json.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

interface RemoveFlags {
  readonly force?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `boxlite image rm` and `boxlite rmi`: several images, each failure reported, the rest done. */
export function addImageRemoveCommand(parent: Command, context: CliContext, name: 'rm' | 'rmi'): void {
  const command = parent.command(name);
  if (name === 'rm') command.alias('remove');
  command
    .summary('remove images')
    .description('Remove images, with what no other image and no box needs of them.')
    .argument('<image...>', 'names, or beginnings of ids')
    .option('-f, --force', 'also images boxes were made from, and all names of an id')
    .option('-q, --quiet', 'only references')
    .addOption(jsonOption())
    .action((names: readonly string[], flags: RemoveFlags) =>
      context.managesHome(async (boxlite) => {
        const removed: RemovedImage[] = [];
        await context.eachOf(names, flags.json === true, async (image) => {
          const one = await boxlite.images.remove(image, { force: flags.force === true });
          removed.push(one);
          if (flags.json !== true) process.stdout.write(`${removedLine(one, flags.quiet === true)}\n`);
        });
        if (flags.json === true) process.stdout.write(`${formatJson(removed)}\n`);
      }, flags.json),
    );
}

function removedLine({ references, freedBytes }: RemovedImage, quiet: boolean): string {
  if (quiet) return references.join('\n');
  return `removed ${escapeLine(references.join(', '))}${freedBytes > 0 ? `, ${humanBytes(freedBytes)} freed` : ''}`;
}
