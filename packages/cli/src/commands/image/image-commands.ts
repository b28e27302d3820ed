import type { Command } from 'commander';
import type { CliContext } from '../cli-context.js';
import { addImageInspectCommand } from './inspect.js';
import { addImageListCommand } from './list.js';
import { addLoadCommand } from './load.js';
import { addImagePruneCommand } from './prune.js';
import { addPullCommand } from './pull.js';
import { addImageRemoveCommand } from './remove.js';
import { addSaveCommand } from './save.js';

/** `boxlite image …`, and the short names of what is used most. */
export function addImageCommands(program: Command, context: CliContext): void {
  addImageListCommand(program, context, 'images');
  addPullCommand(program, context);
  addLoadCommand(program, context);
  addSaveCommand(program, context);
  addImageRemoveCommand(program, context, 'rmi');
  const image = program.command('image').summary('list, fetch, remove, save images').description('Manage images.');
  addImageListCommand(image, context, 'ls');
  addPullCommand(image, context);
  addLoadCommand(image, context);
  addSaveCommand(image, context);
  addImageInspectCommand(image, context);
  addImageRemoveCommand(image, context, 'rm');
  addImagePruneCommand(image, context);
}
