import { BoxliteError } from '@boxlite/core';
import type { Box, Boxlite } from '@boxlite/sdk';
import type { Command } from 'commander';
import { imageAndCommand } from '../arguments/image-and-command.js';
import { formatError } from '../output/print-error.js';
import { createProgress } from '../output/progress.js';
import { attachTerminal, terminalSize } from '../terminal/attach-terminal.js';
import type { SignalRelay } from '../terminal/signal-relay.js';
import { type BoxFlags, boxOptions } from './box-flags.js';
import type { CliContext } from './cli-context.js';
import * as flags from './options.js';

interface RunFlags extends BoxFlags {
  readonly rm?: boolean;
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
}

/** `boxlite run`: create, start, run the command, pass its status on, stop or remove. */
export function addRunCommand(program: Command, context: CliContext): void {
  const runCommand = program
    .command('run')
    .summary('run a command in a new box')
    .description('Run a command in a new box. Without an image before `--` the bundled busybox image is used.')
    .option('--rm', 'remove the box when the command ends')
    .option('-d, --detach', 'print the id and leave the command running')
    .addOption(flags.interactiveOption())
    .addOption(flags.ttyOption());
  flags
    .addNewBoxOptions(runCommand)
    .passThroughOptions()
    .action((_image: unknown, _words: unknown, given: RunFlags, command: Command) =>
      context.runsCommand((boxlite, signals) => run(boxlite, signals, command.args, given)),
    );
}

async function run(boxlite: Boxlite, signals: SignalRelay, words: readonly string[], given: RunFlags): Promise<number> {
  checkTerminal(given);
  checkRemoval(given);
  const { image, command } = imageAndCommand(words);
  const temporary = given.rm === true;
  const signal = signals.abortSignal;
  const box = await boxlite.create({ ...boxOptions(given, image, command), detach: !temporary, autoRemove: temporary });
  try {
    const progress = createProgress(process.stderr);
    try {
      await box.start({ ...progress, signal });
    } finally {
      progress.end();
    }
    if (given.detach === true) return await startDetached(box, signal);
    const status = await runAttached(box, signals, given);
    await (leavesNothing(given) ? boxlite.remove(box.id, { force: true }) : box.stop());
    return status;
  } catch (thrown) {
    // A box whose command never ran is of no use to whoever asked for it to be removed afterwards.
    const leave = () => (temporary ? boxlite.remove(box.id, { force: true }) : box.stop());
    await leave().catch((failure: unknown) => tellCleanupFailure(failure, box.id));
    throw thrown;
  }
}

/** Told first: what went wrong before it, and is thrown after it, matters more. */
function tellCleanupFailure(failure: unknown, id: string): void {
  process.stderr.write(`${formatError(failure, { json: false, debug: false })}\n  box ${id} is left as it is\n`);
}

async function startDetached(box: Box, signal: AbortSignal): Promise<number> {
  const execution = await box.main({ main: true, stdin: false, signal });
  await execution.detach();
  process.stdout.write(`${box.id}\n`);
  return 0;
}

async function runAttached(box: Box, signals: SignalRelay, given: RunFlags): Promise<number> {
  const tty = given.tty === true;
  const stdin = given.interactive === true;
  const signal = signals.abortSignal;
  const execution = await box.main({ stdin, signal, ...(tty ? { tty: terminalSize() } : {}) });
  const status = await attachTerminal(execution, { stdin, tty, signals });
  return status.exitCode;
}

/**
 * Whether nobody can see how the box ends after its command: it goes with its disk, and what its other processes would do in the end reaches nothing outside of it. So
 * it need not be asked. What it wrote to a volume may still be in its memory.
 */
function leavesNothing({ rm, volume = [] }: RunFlags): boolean {
  return rm === true && volume.length === 0;
}

/** A box that removes itself belongs to the process that made it, which with -d is gone before the command ends. */
function checkRemoval(given: RunFlags): void {
  if (given.rm === true && given.detach === true) {
    throw new BoxliteError('invalid_argument', '--rm and -d cannot be combined', {
      hint: 'leave out one of them; `boxlite rm` removes a detached box',
      details: { field: 'rm' },
    });
  }
}

/** Docker's rule: a terminal for the command needs one here, when stdin is passed on. */
export function checkTerminal(given: { readonly interactive?: boolean; readonly tty?: boolean }): void {
  if (given.tty === true && given.interactive === true && !process.stdin.isTTY) {
    throw new BoxliteError('invalid_argument', 'the input device is not a TTY', {
      hint: 'leave out -t when stdin is a pipe',
      details: { field: 'tty' },
    });
  }
}
