import { Command, Option } from 'commander';
import { CliContext, type GlobalFlags } from './commands/cli-context.js';
import { addCompletionCommand } from './commands/completion.js';
import { addCreateCommand } from './commands/create.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addExecCommand } from './commands/exec.js';
import { addForkCommand } from './commands/fork.js';
import { addImageCommands } from './commands/image/image-commands.js';
import { addInspectCommand } from './commands/inspect.js';
import { addLifecycleCommands } from './commands/lifecycle.js';
import { addListCommand } from './commands/list.js';
import { addLogsCommand } from './commands/logs.js';
import { collect, pluginOption } from './commands/options.js';
import { addPauseCommands } from './commands/pause.js';
import { addRunCommand } from './commands/run.js';
import { addSnapshotCommands } from './commands/snapshot.js';
import { addSystemCommands } from './commands/system.js';
import { addTemplateCommands } from './commands/template/template-commands.js';

/** The commands somebody waits for most: making the other thirty takes longer than parsing. */
const ALONE: Readonly<Record<string, (program: Command, context: CliContext) => void>> = {
  run: addRunCommand,
  exec: addExecCommand,
};

/**
 * The whole command line; parsing it runs a command and leaves its status in the context.
 * @param command the one that will be parsed, where that is known: the program may then have no others
 */
export function createProgram(
  version: string,
  command?: string,
): { readonly program: Command; readonly context: CliContext } {
  const program = new Command('boxlite')
    .description('Run any OCI image in its own micro-VM.')
    .version(version)
    .option('--home <DIR>', 'directory of all state (default: $BOXLITE_HOME, else ~/.boxlite)')
    .option('--debug', 'say more when something fails')
    .option(
      '--config <FILE>',
      'JSON of registries, dockerConfig, cache, kernel and security (default: $BOXLITE_CONFIG, else none)',
    )
    .addOption(
      new Option(
        '--registry <HOST>',
        'look here first for images named without a registry; repeatable, in order',
      ).argParser(collect),
    )
    .option('--no-docker-config', "leave docker's configuration and its credential helpers alone")
    .addOption(pluginOption())
    .enablePositionalOptions()
    .showHelpAfterError('run `boxlite --help` for the commands')
    .exitOverride();
  const context = new CliContext(() => program.opts<GlobalFlags>());
  const addAlone = command !== undefined && Object.hasOwn(ALONE, command) ? ALONE[command] : undefined;
  if (addAlone === undefined) addCommands(program, context);
  else addAlone(program, context);
  // Any of them may need one: to start a box, to find an image, to say what is there.
  for (const each of program.commands.flatMap(leaves)) each.addOption(pluginOption());
  program.hook('preAction', (_program, each) => context.addPlugins(each.opts<GlobalFlags>().plugin ?? []));
  if (addAlone === undefined) addCompletionCommand(program, context);
  return { program, context };
}

function addCommands(program: Command, context: CliContext): void {
  addRunCommand(program, context);
  addCreateCommand(program, context);
  addLifecycleCommands(program, context);
  addPauseCommands(program, context);
  addSnapshotCommands(program, context);
  addForkCommand(program, context);
  addExecCommand(program, context);
  addListCommand(program, context);
  addInspectCommand(program, context);
  addLogsCommand(program, context);
  addImageCommands(program, context);
  addTemplateCommands(program, context);
  addSystemCommands(program, context);
  addDoctorCommand(program, context);
}

/** The commands that do something: `image ls` rather than `image`. */
function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}
