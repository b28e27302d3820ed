import { diagnose } from '@boxlite/sdk';
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
    .addOption(jsonOption())
    .action(({ json }: { readonly json?: boolean }) =>
      context.standsAlone(async () => {
        const { homeDir } = context;
        const registry = await context.registry();
        const diagnosis = await diagnose({ registry, ...(homeDir === undefined ? {} : { homeDir }) });
        process.stdout.write(json === true ? `${formatJson(diagnosis)}\n` : formatDiagnosis(diagnosis));
        return diagnosis.healthy ? 0 : 1;
      }, json),
    );
}
