import { escapeLine } from '@boxlite/core';
import type { TemplateInfo } from '@boxlite/sdk';
import type { Command } from 'commander';
import { ago, humanBytes } from '../../output/ago.js';
import { formatJson } from '../../output/format-json.js';
import { formatTable } from '../../output/table.js';
import type { CliContext } from '../cli-context.js';
import { jsonOption } from '../options.js';

interface ListFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verify?: boolean;
}

/** `boxlite template ls`. */
export function addTemplateListCommand(parent: Command, context: CliContext): void {
  parent
    .command('ls')
    .alias('list')
    .summary('list templates')
    .description(
      'List the templates of this home, the one used last first. One with an image is for new boxes of it with a disk of that size.',
    )
    .option('-q, --quiet', 'only keys')
    .option('--verify', 'read each of them whole, to find damage that a start does not look for')
    .addOption(jsonOption())
    .action(({ json, quiet, verify }: ListFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const templates = await boxlite.templates.list({ verify: verify === true, signal: abortSignal });
        if (json === true) process.stdout.write(`${formatJson(templates)}\n`);
        else if (quiet === true) process.stdout.write(templates.map(({ key }) => `${key}\n`).join(''));
        else process.stdout.write(`${templateTable(templates, Date.now())}\n`);
      }, json),
    );
}

/** The table of `template ls`. @param now milliseconds since the epoch */
export function templateTable(templates: readonly TemplateInfo[], now: number): string {
  const rows = templates.map(({ key, image, vmm, cpus, memoryMib, kernel, bytes, lastUsedAt, problem }) => [
    key.slice(0, 12),
    image === null ? '-' : `${escapeLine(image.reference, 60)} (${humanBytes(image.diskBytes)})`,
    vmm ?? '-',
    cpus === null ? '-' : String(cpus),
    memoryMib === null ? '-' : `${memoryMib} MiB`,
    kernel === null ? '-' : escapeLine(kernel.version, 40),
    humanBytes(bytes),
    ago(now - Date.parse(lastUsedAt)),
    problem === null ? 'ready' : escapeLine(problem, 120),
  ]);
  return formatTable(['TEMPLATE', 'IMAGE', 'VMM', 'CPUS', 'MEMORY', 'KERNEL', 'SIZE', 'LAST USED', 'STATE'], rows);
}
