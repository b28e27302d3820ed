import type { Jail } from '@boxlite/core';
import type { Log } from '../runtime/log.js';

/**
 * A jail that says what it had to give up: the VM handler that prepares it has nobody to tell. Running bare after all is a warning, less than
 * everything is not.
 */
export function reportingJail(jail: Jail, log: Log, boxId: string): Jail {
  return {
    get name() {
      return jail.name;
    },
    async prepare() {
      const degradations = await jail.prepare();
      const level = jail.name === 'none' ? 'warn' : 'info';
      for (const message of degradations) log({ level, message, boxId });
      return degradations;
    },
    command: (command) => jail.command(command),
    release: () => jail.release(),
  };
}
