import { BoxliteError, escapeLine } from '@boxlite/core';
import type { Command } from 'commander';
import { humanBytes } from '../../output/ago.js';
import { formatJson } from '../../output/format-json.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

interface SaveFlags {
  readonly output?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `boxlite save`: images to an archive, or to a pipe. */
export function addSaveCommand(parent: Command, context: CliContext): void {
  parent
    .command('save')
    .summary('write images to an archive')
    .description('Write images to an archive that `boxlite load`, `docker load` and tools for OCI layouts read.')
    .argument('<image...>', 'names or ids of images of this home')
    .option('-o, --output <FILE>', 'the archive (default: stdout)')
    .option('-q, --quiet', 'say nothing')
    .addOption(jsonOption().implies({ quiet: true }))
    .action((references: readonly string[], flags: SaveFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const toFile = flags.output !== undefined && flags.output !== '-';
        if (!toFile) checkStandardOutput(flags);
        const to = toFile ? (flags.output ?? '') : process.stdout;
        const { bytes } = await boxlite.images.save(references, to, { signal: abortSignal });
        if (!toFile) return;
        if (flags.json === true) process.stdout.write(`${formatJson({ file: flags.output, bytes })}\n`);
        else if (flags.quiet !== true) process.stdout.write(`${escapeLine(flags.output)}: ${humanBytes(bytes)}\n`);
      }, flags.json),
    );
}

/** Docker's rule; and a document and an archive do not go well together. */
function checkStandardOutput({ json }: SaveFlags): void {
  const why =
    json === true ? '--json needs stdout for itself' : process.stdout.isTTY ? 'stdout is a terminal' : undefined;
  if (why === undefined) return;
  throw new BoxliteError('invalid_argument', `the archive cannot go to stdout: ${why}`, {
    hint: 'give a file with -o FILE, or send it on: boxlite save IMAGE > FILE',
    details: { field: 'output' },
  });
}
