import type { Command } from 'commander';
import { completionScript, type Shell } from '../completion/completion-script.js';
import type { CliContext } from './cli-context.js';

/** `boxlite completion`: a script for the shell, made from the commands themselves. */
export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .summary('print a tab-completion script')
    .description('Print a tab-completion script: source <(boxlite completion bash)')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) =>
      context.standsAlone(async () => {
        process.stdout.write(completionScript(program, shell as Shell));
        return 0;
      }),
    );
}
