import { type Check, diagnose } from '@boxlite/sdk';
import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { jsonOption } from './options.js';

const MARKS: Readonly<Record<Check['status'], string>> = { ok: 'ok  ', warning: 'warn', failed: 'FAIL' };

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
        const checks = await diagnose({ registry, ...(homeDir === undefined ? {} : { homeDir }) });
        const healthy = checks.every((check) => check.status !== 'failed');
        process.stdout.write(json === true ? `${JSON.stringify({ healthy, checks }, null, 2)}\n` : report(checks));
        return healthy ? 0 : 1;
      }, json),
    );
}

function report(checks: readonly Check[]): string {
  return checks
    .map(({ status, name, detail, remedy }) => {
      const advice = remedy === undefined ? '' : `\n       remedy: ${remedy}`;
      return `${MARKS[status]}   ${name}: ${detail}${advice}\n`;
    })
    .join('');
}
