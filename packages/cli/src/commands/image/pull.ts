import { escapeLine, type ResolvedImage } from '@boxlite/core';
import { type Command, Option } from 'commander';
import { parsePlatform } from '../../arguments/parse-platform.js';
import { formatJson } from '../../output/format-json.js';
import { createPullProgress, PROGRESS_STYLES, type ProgressStyle } from '../../output/pull/pull-progress.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption, platformOption } from '../options.js';

interface PullFlags {
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly platform?: string;
  readonly progress: ProgressStyle;
}

/** `boxlite pull`: fetches an image, and its tag's present meaning. */
export function addPullCommand(parent: Command, context: CliContext): void {
  parent
    .command('pull')
    .summary('fetch an image')
    .description('Fetch and verify an image, also when an older one is cached under its name.')
    .argument('<image>', 'image reference, oci:DIR, oci-archive:FILE or docker-archive:FILE')
    .option('-q, --quiet', 'no progress, and only the digest of the configuration')
    .addOption(platformOption())
    .addOption(progressOption())
    .addOption(jsonOption())
    .action((reference: string, flags: PullFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const platform = flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) };
        const progress = createPullProgress(process.stderr, reference, styleOf(flags));
        const image = await boxlite.images
          .pull(reference, { ...platform, signal: abortSignal, onProgress: progress.onProgress })
          .finally(() => progress.end());
        process.stdout.write(formatPulled(image, flags));
      }, flags.json),
    );
}

/** How far it is goes to stderr, so that stdout is the result alone. */
export const progressOption = () =>
  new Option('--progress <STYLE>', 'how progress is told on stderr').choices([...PROGRESS_STYLES]).default('auto');

/** Whoever wants a document, or nothing, wants no lines about how it came about, unless they ask for them. */
export function styleOf(flags: {
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress: ProgressStyle;
}): ProgressStyle {
  const machine = flags.quiet === true || (flags.json === true && !process.stderr.isTTY);
  return flags.progress === 'auto' && machine ? 'none' : flags.progress;
}

function formatPulled(image: ResolvedImage, { json, quiet }: PullFlags): string {
  if (json === true) return `${formatJson(image)}\n`;
  if (quiet === true) return `${image.configDigest}\n`;
  const layers = image.layers.length === 1 ? '1 layer' : `${image.layers.length} layers`;
  return `${escapeLine(image.reference)}\n  ${image.manifestDigest}, ${layers}\n`;
}
