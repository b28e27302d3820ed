import { apparmorProfileOfBwrap, diagnose } from '@boxlite/sdk';
import type { Command } from 'commander';
import { formatDiagnosis } from '../output/format-diagnosis.js';
import { formatJson } from '../output/format-json.js';
import type { CliContext } from './cli-context.js';
import { jsonOption } from './options.js';

/** `boxlite doctor`: what this machine can do, and what would help. Exit status 1 when boxes cannot run here. */
export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .summary('say what this machine can do')
    .description('Check everything a box needs on this machine; say what would help where something is missing.')
    .option(
      '--apparmor-profile',
      "print a profile that lets bubblewrap make user namespaces, where Ubuntu's AppArmor does not",
    )
    .addOption(jsonOption())
    .action(({ json, apparmorProfile }: { readonly json?: boolean; readonly apparmorProfile?: boolean }) =>
      context.standsAlone(async () => {
        if (apparmorProfile === true) return printApparmorProfile();
        const { homeDir } = context;
        const registry = await context.registry();
        const diagnosis = await diagnose({ registry, ...(homeDir === undefined ? {} : { homeDir }) });
        process.stdout.write(json === true ? `${formatJson(diagnosis)}\n` : formatDiagnosis(diagnosis));
        return diagnosis.healthy ? 0 : 1;
      }, json),
    );
}

/** The text alone on stdout, so that it can be piped to where only root writes; what to do with it on stderr. */
async function printApparmorProfile(): Promise<number> {
  const { text, file, command } = await apparmorProfileOfBwrap();
  process.stdout.write(text);
  process.stderr.write(`boxlite doctor --apparmor-profile | sudo tee ${file}\n${command}\n`);
  return 0;
}
