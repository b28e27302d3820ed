import { escapeLine } from '@boxlite/core';
import type { SnapshotInfo } from '@boxlite/sdk';
import type { Command } from 'commander';
import { ago, humanBytes } from '../output/ago.js';
import { formatJson } from '../output/format-json.js';
import { createProgress } from '../output/progress.js';
import { formatTable } from '../output/table.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';
import { jsonOption } from './options.js';

const BOX = 'id, name, or the beginning of an id';

interface JsonFlag {
  readonly json?: boolean;
}

/** `boxlite snapshot create|ls|rm` and `boxlite restore`. */
export function addSnapshotCommands(program: Command, context: CliContext): void {
  const snapshot = program
    .command('snapshot')
    .summary('keep running boxes as they are')
    .description('Snapshots of running boxes: memory and disk of one moment.');
  addCreate(snapshot, context);
  addList(snapshot, context);
  snapshot
    .command('rm')
    .summary('remove snapshots')
    .description('Remove snapshots of a box. Boxes that were made from them are not touched.')
    .argument('<box>', BOX)
    .argument('<snapshot...>', 'names')
    .action((id: string, names: readonly string[]) =>
      context.managesHome(async (boxlite) => {
        const box = await findBox(boxlite, id);
        await context.forEach(names, (name) => box.removeSnapshot(name));
      }),
    );
  addRestore(program, context);
}

function addCreate(snapshot: Command, context: CliContext): void {
  snapshot
    .command('create')
    .summary('take a snapshot')
    .description(
      'Take a snapshot of a running box, its memory and its disk, and print its name. It holds what the box has in memory, secrets included.',
    )
    .argument('<box>', BOX)
    .argument('[name]', 'what it is called (default: the moment)')
    .option('--memory', 'with what the machine has in memory; the only kind there is of a running box')
    .addOption(jsonOption())
    .action((id: string, name: string | undefined, { json }: JsonFlag) =>
      context.managesHome(async (boxlite, { abortSignal: signal }) => {
        const box = await findBox(boxlite, id);
        const made = await box.snapshot({ memory: true, signal, ...(name === undefined ? {} : { name }) });
        process.stdout.write(json === true ? `${formatJson(made)}\n` : `${made.name}\n`);
      }, json),
    );
}

function addList(snapshot: Command, context: CliContext): void {
  snapshot
    .command('ls')
    .alias('list')
    .summary('list the snapshots of a box')
    .description('List the snapshots of a box, oldest first.')
    .argument('<box>', BOX)
    .option('--verify', 'read each of them whole, to find damage that a restore does not look for')
    .addOption(jsonOption())
    .action((id: string, { json, verify = false }: JsonFlag & { readonly verify?: boolean }) =>
      context.managesHome(async (boxlite, { abortSignal: signal }) => {
        const snapshots = await (await findBox(boxlite, id)).snapshots({ verify, signal });
        process.stdout.write(
          json === true ? `${formatJson(snapshots)}\n` : `${snapshotTable(snapshots, Date.now())}\n`,
        );
      }, json),
    );
}

function addRestore(program: Command, context: CliContext): void {
  program
    .command('restore')
    .summary('go on from a snapshot')
    .description(
      'Put a stopped box back to a snapshot of it, disk and memory, and let it go on; with --name make a new box instead that goes on from it, ' +
        'and print its id.',
    )
    .argument('<box>', BOX)
    .argument('<snapshot>', 'name of the snapshot')
    .option('--name <NAME>', 'make a new box of this name')
    .addOption(jsonOption())
    .action((id: string, name: string, flags: JsonFlag & { readonly name?: string }) =>
      context.managesHome(async (boxlite, { abortSignal: signal }) => {
        const progress = createProgress(process.stderr);
        try {
          const box = await findBox(boxlite, id);
          const made = { detach: true, autoRemove: false, signal };
          const restored =
            flags.name === undefined
              ? box
              : await boxlite.restore({ box: box.id, snapshot: name }, { ...made, name: flags.name });
          if (restored === box) await box.restore(name, { ...progress, signal });
          progress.end();
          process.stdout.write(flags.json === true ? `${formatJson(await restored.info())}\n` : `${restored.id}\n`);
        } finally {
          progress.end();
        }
      }, flags.json),
    );
}

/** The table of `snapshot ls`, with their state where it was looked for. @param now milliseconds since the epoch */
export function snapshotTable(snapshots: readonly SnapshotInfo[], now: number): string {
  const isVerified = snapshots.some(({ problem }) => problem !== undefined);
  return formatTable(
    ['NAME', 'MEMORY', 'SIZE', 'CREATED', ...(isVerified ? ['STATE'] : [])],
    snapshots.map(({ name, memory, sizeBytes, createdAt, problem }) => [
      escapeLine(name, 200),
      memory ? 'yes' : 'no',
      humanBytes(sizeBytes),
      ago(now - Date.parse(createdAt)),
      ...(isVerified ? [escapeLine(problem ?? 'ready', 120)] : []),
    ]),
  );
}
