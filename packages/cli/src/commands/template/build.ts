import { setPriority } from 'node:os';
import { BoxliteError, escapeLine } from '@boxlite/core';
import type { BuiltTemplate, TemplateStep, WantedTemplate } from '@boxlite/sdk';
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
  prepare: 'mounting the disk of the image',
  capture: 'capturing it',
  verify: 'starting from the capture',
  install: 'installing the template',
};

interface BuildFlags extends BoxFlags {
  readonly image?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly wanted?: string;
}

/** `boxlite template build`. */
export function addTemplateBuildCommand(parent: Command, context: CliContext): void {
  parent
    .command('build')
    .summary('make the template of a shape of boxes')
    .description(
      'Boot a machine, capture it, and try a start from the capture. Does nothing when the home has that template already. With --image it is captured with ' +
        'the disk of that image mounted: for the first start of boxes of that image, which are ready soonest.',
    )
    .option('-q, --quiet', 'no progress, and only the key')
    .addOption(new Option('--image <IMAGE>', 'for new boxes of this image (default: for any box of the shape)'))
    .addOption(flags.diskSizeOption())
    .addOption(flags.cpusOption())
    .addOption(flags.memoryOption())
    .addOption(flags.vmmOption())
    .addOption(flags.sandboxOption())
    .addOption(flags.kernelOption())
    .addOption(flags.jailerOption())
    .addOption(flags.securityOption())
    .addOption(flags.seccompOption())
    .addOption(new Option('--wanted <JSON>', 'what a program that ended left to be made').hideHelp())
    .addOption(flags.jsonOption())
    .action((given: BuildFlags) =>
      context.managesHome(async (boxlite, { abortSignal }) => {
        const background = given.wanted !== undefined;
        if (background) setPriority(BACKGROUND_NICE);
        const progress = createStepLine(process.stderr, given.quiet === true || given.json === true);
        for (const wanted of templatesOf(given)) {
          const built = await boxlite.templates
            .build({ ...wanted, background, signal: abortSignal, onStep: progress.show })
            .finally(() => progress.end());
          process.stdout.write(formatBuilt(built, given));
        }
      }, given.json),
    );
}

function templatesOf({ wanted, image, ...given }: BuildFlags): readonly WantedTemplate[] {
  if (wanted === undefined) return [boxOptions(given, image, [])];
  try {
    return JSON.parse(wanted) as readonly WantedTemplate[];
  } catch (cause) {
    throw new BoxliteError('invalid_argument', '--wanted is not JSON', { cause, details: { field: 'wanted' } });
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
  const { key, vmm, cpus, memoryMib, image, bytes, isNew } = built;
  const machine = `${vmm}, ${cpus === 1 ? '1 CPU' : `${cpus} CPUs`}, ${memoryMib} MiB`;
  const what = image === null ? machine : `${machine}, ${escapeLine(image.reference, 200)}`;
  return `${isNew ? 'made' : 'there already:'} template ${key.slice(0, 12)} (${what}), ${humanBytes(bytes)} on disk\n`;
}
