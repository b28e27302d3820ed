import type { Boxlite } from '@boxlite/sdk';
import type { Command } from 'commander';
import { parseEnv } from '../arguments/parse-env.js';
import { createProgress } from '../output/progress.js';
import { attachTerminal, terminalSize } from '../terminal/attach-terminal.js';
import type { SignalRelay } from '../terminal/signal-relay.js';
import type { CliContext } from './cli-context.js';
import { findBox } from './find-box.js';
import * as flags from './options.js';
import { checkTerminal } from './run.js';

interface ExecFlags {
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
}

/** `boxlite exec`: a command in an existing box, which is started when it does not run. */
export function addExecCommand(program: Command, context: CliContext): void {
  program
    .command('exec')
    .summary('run a command in an existing box')
    .description('Run a command in an existing box; a stopped box is started first.')
    .argument('<box>', 'id, name, or the beginning of an id')
    .argument('<cmd...>', 'the command and its arguments')
    .option('-d, --detach', 'leave the command running')
    .addOption(flags.interactiveOption())
    .addOption(flags.ttyOption())
    .addOption(flags.envOption())
    .addOption(flags.workdirOption())
    .addOption(flags.userOption())
    .passThroughOptions()
    .action((id: string, words: readonly string[], given: ExecFlags) =>
      context.runsCommand((boxlite, signals) =>
        exec(boxlite, signals, id, words[0] === '--' ? words.slice(1) : words, given),
      ),
    );
}

async function exec(
  boxlite: Boxlite,
  signals: SignalRelay,
  id: string,
  words: readonly string[],
  given: ExecFlags,
): Promise<number> {
  checkTerminal(given);
  const signal = signals.abortSignal;
  const box = await findBox(boxlite, id);
  const progress = createProgress(process.stderr);
  try {
    await box.start({ ...progress, signal });
  } finally {
    progress.end();
  }
  const [command = '', ...args] = words;
  const tty = given.tty === true;
  const stdin = given.interactive === true && given.detach !== true;
  const execution = await box.exec(command, args, {
    stdin,
    signal,
    ...(given.env === undefined ? {} : { env: parseEnv(given.env, process.env) }),
    ...(given.workdir === undefined ? {} : { cwd: given.workdir }),
    ...(given.user === undefined ? {} : { user: given.user }),
    ...(tty ? { tty: terminalSize() } : {}),
  });
  if (given.detach === true) {
    await execution.detach();
    process.stdout.write(`${execution.id}\n`);
    return 0;
  }
  return (await attachTerminal(execution, { stdin, tty, signals })).exitCode;
}
