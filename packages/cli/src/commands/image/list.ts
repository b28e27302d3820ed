import { escapeLine } from '@boxlite/core';
import type { ImageInfo } from '@boxlite/sdk';
import { type Command, Option } from 'commander';
import { ago, humanBytes } from '../../output/ago.js';
import { formatJson } from '../../output/format-json.js';
import { formatTable } from '../../output/table.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

interface ListFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly names?: boolean;
  readonly digests?: boolean;
}

/** `boxlite images` and `boxlite image ls`. */
export function addImageListCommand(parent: Command, context: CliContext, name: 'images' | 'ls'): void {
  const command = parent.command(name);
  if (name === 'ls') command.alias('list');
  command
    .summary('list images')
    .description('List the images of this home: pulled, loaded, and those boxes were made from where they lie.')
    .option('-q, --quiet', 'only references')
    .option('--digests', 'also digests of manifests')
    .addOption(new Option('--names', 'only short references; for completion scripts').hideHelp())
    .addOption(jsonOption())
    .action((flags: ListFlags) =>
      context.managesHome(async (boxlite) => {
        const images = await boxlite.images.list();
        if (flags.json === true) process.stdout.write(`${formatJson(images)}\n`);
        else if (flags.names === true) process.stdout.write(lines(images.map(({ reference }) => familiar(reference))));
        else if (flags.quiet === true) process.stdout.write(lines(images.map(({ reference }) => reference)));
        else process.stdout.write(`${imageTable(images, Date.now(), flags.digests === true)}\n`);
      }, flags.json),
    );
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${escapeLine(text)}\n`).join('');
}

/** As people write references of docker.io. */
export function familiar(reference: string): string {
  return reference.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
}

/** The table of `images`. @param now milliseconds since the epoch */
export function imageTable(images: readonly ImageInfo[], now: number, digests: boolean): string {
  const rows = images.map((image) => [
    image.reference,
    image.configDigest.slice(7, 19),
    ...(digests ? [image.manifestDigest] : []),
    humanBytes(image.sizeBytes),
    `${ago(now - image.cachedAt)}${note(image)}`,
  ]);
  return formatTable(['IMAGE', 'ID', ...(digests ? ['DIGEST'] : []), 'SIZE', 'CACHED'], rows);
}

/** What is peculiar about an image's place. */
function note({ missing, layers, reference }: ImageInfo): string {
  if (missing.length === 0) return '';
  return missing.length >= layers.length && /^[a-z-]+:/.test(reference) ? ' (read in place)' : ' (incomplete)';
}
