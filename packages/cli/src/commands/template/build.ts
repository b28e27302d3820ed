import { setPriority } from 'node:os';
import { BoxliteError } from '@boxlite/core';
import type { BuiltTemplate, ShapeOptions, TemplateStep } from '@boxlite/sdk';
import { type Command, Option } from 'commander';
import { humanBytes } from '../../output/ago.js';
import { formatJson } from '../../output/format-json.js';
import { type BoxFlags, boxOptions } from '../box-flags.js';
import type { CliContext } from '../cli-context.js';
import * as flags from '../options.js';

/** Of everything that makes a template nobody waits for (nice(1)). */
const BACKGROUND_NICE = 10;

const STEP_TEXT: Readonly<Record<TemplateStep, string>> = {
  boot: 'booting a machine',
  capture: 'capturing it',
  verify: 'starting from the capture',
  install: 'installing the template',
};

interface BuildFlags extends BoxFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly shape?: string;
}

/** `boxlite template build`. */
export function addTemplateBuildCommand(parent: Command, context: CliContext): void {
  parent
    .command('build')
    .summary('make the template of a shape of boxes')
    .description(
      'Boot a machine, capture it, and try a start from the capture. Does nothing when the home has that template already.',
    )
    .option('-q, --quiet', 'no progress, and only the key')
    .addOption(flags.cpusOption())
    .addOption(flags.memoryOption())
    .addOption(flags.vmmOption())
    .addOption(flags.sandboxOption())
    .addOption(flags.kernelOption())
    .addOption(flags.jailerOption())
    .addOption(flags.securityOption())
    .addOption(flags.seccompOption())
    .addOption(new Option('--shape <JSON>', 'what a program that ended left to be made').hideHelp())
    .addOption(flags.jsonOption())
    .action((given: BuildFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const background = given.shape !== undefined;
        if (background) setPriority(BACKGROUND_NICE);
        const progress = createStepLine(process.stderr, given.quiet === true || given.json === true);
        const built = await boxlite.templates
          .build({ ...shapeOf(given), background, signal: abortSignal, onStep: progress.show })
          .finally(() => progress.end());
        process.stdout.write(formatBuilt(built, given));
      }, given.json),
    );
}

function shapeOf({ shape, ...given }: BuildFlags): ShapeOptions {
  if (shape === undefined) return boxOptions(given, undefined, []);
  try {
    return JSON.parse(shape) as ShapeOptions;
  } catch (cause) {
    throw new BoxliteError('invalid_argument', '--shape is not JSON', { cause, details: { field: 'shape' } });
  }
}

function createStepLine(stream: NodeJS.WriteStream, isQuiet: boolean) {
  const isShown = stream.isTTY === true && !isQuiet;
  return {
    show: (step: TemplateStep): void => void (isShown && stream.write(`\r\x1b[K${STEP_TEXT[step]}…`)),
    end: (): void => void (isShown && stream.write('\r\x1b[K')),
  };
}

function formatBuilt(built: BuiltTemplate, { json, quiet }: BuildFlags): string {
  if (json === true) return `${formatJson(built)}\n`;
  if (quiet === true) return `${built.key}\n`;
  const { key, vmm, cpus, memoryMib, bytes, isNew } = built;
  const what = `${vmm}, ${cpus === 1 ? '1 CPU' : `${cpus} CPUs`}, ${memoryMib} MiB`;
  return `${isNew ? 'made' : 'there already:'} template ${key.slice(0, 12)} (${what}), ${humanBytes(bytes)} on disk\n`;
}
