import type { ImageDetails } from '@boxlite/sdk';
import type { Command } from 'commander';
import { formatJson } from '../../output/format-json.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

/** `boxlite image inspect`: everything known of images, as a JSON array. */
export function addImageInspectCommand(parent: Command, context: CliContext): void {
  parent
    .command('inspect')
    .summary('show everything about images')
    .description('Print what is known of images as a JSON array.')
    .argument('<image...>', 'names, or beginnings of ids')
    .addOption(jsonOption().hideHelp())
    .action((names: readonly string[]) =>
      context.managesHome(async (boxlite) => {
        const found: ImageDetails[] = [];
        for (const name of names) found.push(await boxlite.images.inspect(name));
        process.stdout.write(`${formatJson(found)}\n`);
      }, true),
    );
}
