import { BoxliteError, escapeLine } from '@boxlite/core';
import type { Command } from 'commander';
import { parsePlatform } from '../../arguments/parse-platform.js';
import { formatJson } from '../../output/format-json.js';
import { createPullProgress, type ProgressStyle } from '../../output/pull/pull-progress.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption, platformOption } from '../options.js';
import { progressOption, styleOf } from './pull.js';

interface LoadFlags {
  readonly input?: string;
  readonly name?: string;
  readonly platform?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress: ProgressStyle;
}

/** `boxlite load`: images from an archive, or from a pipe. */
export function addLoadCommand(parent: Command, context: CliContext): void {
  parent
    .command('load')
    .summary('read images from an archive')
    .description(
      'Read the images of an archive: of `docker save`, of `boxlite save`, or an OCI archive, compressed or not.',
    )
    .option('-i, --input <FILE>', 'the archive (default: stdin)')
    .option('--name <NAME>', 'what to call an image the archive does not name')
    .addOption(platformOption())
    .option('-q, --quiet', 'no progress, and only references')
    .addOption(progressOption())
    .addOption(jsonOption())
    .action((flags: LoadFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const source = flags.input === undefined || flags.input === '-' ? standardInput() : flags.input;
        const progress = createPullProgress(process.stderr, flags.input ?? 'stdin', styleOf(flags));
        const loaded = await boxlite.images
          .load(source, {
            ...(flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }),
            ...(flags.name === undefined ? {} : { name: flags.name }),
            signal: abortSignal,
            onProgress: progress.onProgress,
          })
          .finally(() => progress.end());
        if (flags.json === true) process.stdout.write(`${formatJson(loaded)}\n`);
        else {
          const references = loaded.flatMap((image) => image.references);
          process.stdout.write(
            references
              .map((reference) => `${flags.quiet === true ? '' : 'loaded '}${escapeLine(reference)}\n`)
              .join(''),
          );
        }
      }, flags.json),
    );
}

/** Nobody types an archive. */
function standardInput(): AsyncIterable<Uint8Array> {
  if (!process.stdin.isTTY) return process.stdin;
  throw new BoxliteError('invalid_argument', 'stdin is a terminal, not an archive', {
    hint: 'give a file with -i FILE, or pipe the archive in: boxlite load < FILE',
    details: { field: 'input' },
  });
}
