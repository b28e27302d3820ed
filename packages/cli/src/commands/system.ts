import { escapeLine } from '@boxlite/core';
import type { DiskUsage, UsageOfKind } from '@boxlite/sdk';
import type { Command } from 'commander';
import { ago, humanBytes } from '../output/ago.js';
import { formatJson } from '../output/format-json.js';
import { formatTable } from '../output/table.js';
import type { CliContext } from './cli-context.js';
import { jsonOption } from './options.js';
import { addPruneOptions, type PruneFlags, pruneAsAsked } from './prune-flags.js';

const TITLES: Readonly<Record<UsageOfKind['kind'], string>> = {
  images: 'Images',
  'image-disks': 'Image disks',
  'guest-rootfs': 'Guest rootfs',
  kernels: 'Kernels',
  templates: 'Templates',
  boxes: 'Boxes',
  snapshots: 'Snapshots',
  staging: 'In progress',
};

/** `boxlite system df` and `boxlite system prune`. */
export function addSystemCommands(program: Command, context: CliContext): void {
  const system = program.command('system').summary('disk usage, and freeing it').description('Manage this home.');
  system
    .command('df')
    .summary('show what takes room')
    .description('Show what takes how much room on disk, and how much of it `system prune -a` would free.')
    .option('-v, --verbose', 'each image, disk, kernel, template and box')
    .addOption(jsonOption())
    .action(({ json, verbose }: { readonly json?: boolean; readonly verbose?: boolean }) =>
      context.managesHome(async (boxlite) => {
        const usage = await boxlite.system.df();
        if (json === true) process.stdout.write(`${formatJson(usage)}\n`);
        else process.stdout.write(formatUsage(usage, verbose === true, Date.now()));
      }, json),
    );
  const prune = system
    .command('prune')
    .summary('remove what nothing needs')
    .description(
      'Remove what nothing in this home needs: blobs and disks of no image, disks of earlier agents, earlier kernels, templates of ' +
        'these; with -a also images that no box was made from, and every template. Boxes are never removed, stopped or not.',
    );
  addPruneOptions(prune).action((flags: PruneFlags) =>
    context.managesHome(
      (boxlite, { abortSignal }) => pruneAsAsked(flags, abortSignal, (options) => boxlite.system.prune(options)),
      flags.json,
    ),
  );
}

/** The tables of `system df`. @param now milliseconds since the epoch */
export function formatUsage({ kinds, bytes, reclaimableBytes }: DiskUsage, verbose: boolean, now: number): string {
  const rows = kinds.map((kind) => [
    TITLES[kind.kind],
    String(kind.count),
    String(kind.active),
    humanBytes(kind.bytes),
    reclaimable(kind.reclaimableBytes, kind.bytes),
  ]);
  const total = ['Total', '', '', humanBytes(bytes), reclaimable(reclaimableBytes, bytes)];
  const summary = formatTable(['TYPE', 'TOTAL', 'ACTIVE', 'SIZE', 'RECLAIMABLE'], [...rows, total]);
  const details = verbose ? kinds.filter(({ count }) => count > 0).map((kind) => formatKind(kind, now)) : [];
  return `${[summary, ...details].join('\n\n')}\n`;
}

function formatKind({ kind, entries }: UsageOfKind, now: number): string {
  const rows = entries.map(({ name, bytes, active, usedBy, lastUsedAt }) => [
    escapeLine(name, 200),
    humanBytes(bytes),
    usedBy.length > 0 ? escapeLine(usedBy.join(', '), 200) : active ? 'yes' : '-',
    lastUsedAt === null ? '-' : ago(now - lastUsedAt),
  ]);
  return formatTable([TITLES[kind].toUpperCase(), 'SIZE', 'USED BY', 'LAST USED'], rows);
}

function reclaimable(bytes: number, total: number): string {
  return total === 0 || bytes === 0
    ? humanBytes(bytes)
    : `${humanBytes(bytes)} (${Math.floor((bytes / total) * 100)}%)`;
}
