import type { Command } from 'commander';
import { ago, humanBytes } from '../output/ago.js';
import { createProgress } from '../output/progress.js';
import { formatTable } from '../output/table.js';
import type { CliContext } from './cli-context.js';
import { jsonOption } from './options.js';

/** `boxlite images` and `boxlite pull`. */
export function addImageCommands(program: Command, context: CliContext): void {
  program
    .command('images')
    .summary('list cached images')
    .description('List the images this home has cached.')
    .addOption(jsonOption())
    .option('-q, --quiet', 'only references')
    .action(({ json, quiet }: { readonly json?: boolean; readonly quiet?: boolean }) =>
      context.managesHome(async (boxlite) => {
        const images = await boxlite.images.list();
        if (json === true) process.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
        else if (quiet === true) process.stdout.write(images.map((image) => `${image.reference}\n`).join(''));
        else {
          const rows = images.map((image) => [
            image.reference,
            image.configDigest.slice(7, 19),
            humanBytes(image.sizeBytes),
            ago(Date.now() - image.cachedAt),
          ]);
          process.stdout.write(`${formatTable(['IMAGE', 'ID', 'SIZE', 'CACHED'], rows)}\n`);
        }
      }, json),
    );
  program
    .command('pull')
    .summary('fetch an image')
    .description('Fetch and verify an image, also when an older one is cached under its name.')
    .argument('<image>', 'image reference, oci:DIR or oci-archive:FILE')
    .option('-q, --quiet', 'print only the digest of the configuration')
    .addOption(jsonOption())
    .action((reference: string, { quiet, json }: { readonly quiet?: boolean; readonly json?: boolean }) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const progress = createProgress(process.stderr);
        const image = await boxlite.images
          .pull(reference, {
            signal: abortSignal,
            ...(quiet === true ? {} : { onProgress: progress.onImageProgress }),
          })
          .finally(progress.end);
        if (json === true) process.stdout.write(`${JSON.stringify(image, null, 2)}\n`);
        else if (quiet === true) process.stdout.write(`${image.configDigest}\n`);
        else process.stdout.write(`${image.reference}\n  ${image.manifestDigest}, ${image.layers.length} layers\n`);
      }, json),
    );
}
