import { BoxliteError, escapeLine } from '@boxlite/core';
import type { PruneOptions, Removed } from '@boxlite/sdk';
import { type Command, Option } from 'commander';
import { parseUntil } from '../arguments/parse-until.js';
import { humanBytes } from '../output/ago.js';
import { formatJson } from '../output/format-json.js';
import { askYesNo } from '../terminal/ask-yes-no.js';
import { collect, jsonOption } from './options.js';

/** What commander leaves of the options of `image prune` and `system prune`. */
export interface PruneFlags {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly filter?: readonly string[];
  readonly json?: boolean;
}

/** A report of what was removed, or would be. */
export type PruneResult = Removed & {
  readonly dryRun: boolean;
  readonly freedBytes: number;
  readonly guestRootfs?: { readonly count: number; readonly bytes: number };
  readonly kernels?: { readonly count: number; readonly bytes: number };
  readonly templates?: { readonly count: number; readonly bytes: number };
  readonly snapshots?: { readonly count: number; readonly bytes: number };
  readonly staging?: { readonly count: number; readonly bytes: number };
};

export function addPruneOptions(command: Command): Command {
  return command
    .option('-a, --all', 'also images that no box was made from')
    .option('-f, --force', 'do not ask')
    .option('--dry-run', 'only say what would be removed')
    .addOption(new Option('--filter <until=TIME>', 'only what was not used since: 24h, 7d, a date').argParser(collect))
    .addOption(jsonOption());
}

/**
 * Says what would go, asks unless told not to, and removes it.
 * @param prune does it, or with `dryRun` only tells
 * @throws BoxliteError `invalid_argument` when there is nobody to ask
 */
export async function pruneAsAsked(
  flags: PruneFlags,
  signal: AbortSignal,
  prune: (options: PruneOptions) => Promise<PruneResult>,
): Promise<void> {
  const until = parseUntil(flags.filter ?? [], Date.now());
  const options = { all: flags.all === true, signal, ...(until === undefined ? {} : { until }) };
  const write = (report: PruneResult): void =>
    void process.stdout.write(flags.json === true ? `${formatJson(report)}\n` : formatPruned(report));
  if (flags.dryRun === true) return write(await prune({ ...options, dryRun: true }));
  if (flags.force !== true) {
    checkSomebodyIsThere();
    const plan = await prune({ ...options, dryRun: true });
    process.stderr.write(formatPruned(plan));
    if (plan.freedBytes === 0 && plan.images.length === 0) return;
    if (!(await askYesNo('Remove this?', signal))) return;
  }
  write(await prune(options));
}

function checkSomebodyIsThere(): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw new BoxliteError('invalid_argument', 'nothing is removed without a yes, and there is no terminal to ask on', {
    hint: 'add -f to remove, or --dry-run to see what would be removed',
    details: { field: 'force' },
  });
}

/** What a person reads of a prune. */
export function formatPruned(report: PruneResult): string {
  const { dryRun, freedBytes } = report;
  const parts = [
    count(report.imageDisks, 'image disk'),
    count(report.blobs, 'blob'),
    count(report.guestRootfs, 'guest rootfs disk'),
    count(report.kernels, 'kernel'),
    count(report.templates, 'template'),
    count(report.snapshots, 'snapshot disk'),
    count(report.staging, 'unfinished file'),
  ].filter((part) => part !== '');
  const verb = dryRun ? 'would remove' : 'removed';
  const lines = [
    ...report.images.map((reference) => `${verb} image ${escapeLine(reference)}`),
    ...parts.map((part) => `${verb} ${part}`),
  ];
  const total = `${dryRun ? 'would free' : 'freed'} ${humanBytes(freedBytes)}`;
  return lines.length === 0 ? 'nothing to remove\n' : `${[...lines, total].join('\n')}\n`;
}

function count(counted: { readonly count: number; readonly bytes: number } | undefined, what: string): string {
  if (counted === undefined || counted.count === 0) return '';
  return `${counted.count} ${what}${counted.count === 1 ? '' : 's'}, ${humanBytes(counted.bytes)}`;
}
