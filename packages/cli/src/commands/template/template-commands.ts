import type { Command } from 'commander';
import type { CliContext } from '../cli-context.js';
import { addTemplateBuildCommand } from './build.js';
import { addTemplateListCommand } from './list.js';
import { addTemplateRemoveCommand } from './remove.js';

/** `boxlite template …`. */
export function addTemplateCommands(program: Command, context: CliContext): void {
  const template = program
    .command('template')
    .summary('make, list and remove templates for instant starts')
    .description(
      'Manage templates: machines that were captured before they became a box. A box of the same size, VMM and kernel starts from one in a fraction of ' +
        'the time a boot takes. They are made by themselves after the first cold start of a shape; BOXLITE_TEMPLATES=off switches that off.',
    );
  addTemplateBuildCommand(template, context);
  addTemplateListCommand(template, context);
  addTemplateRemoveCommand(template, context);
}
