import type { Jail, JailRecord } from '@boxlite/core';
import type { Log } from '../runtime/log.js';

/** A jail of which can be written down what it was. */
export interface ReportingJail extends Jail {
  /** As `prepare` and `command` left it. */
  record(): JailRecord;
}

/**
 * A jail that says what it had to give up: the VM handler that prepares it has nobody to tell. What best effort goes without is a warning, as is running
 * bare; less than everything that may be missing anywhere, such as a cgroup, is not.
 */
export function reportingJail(
  jail: Jail,
  log: Log,
  boxId: string,
  { isBestEffort = false }: { readonly isBestEffort?: boolean } = {},
): ReportingJail {
  let cgroupDir: string | undefined;
  return {
    get name() {
      return jail.name;
    },
    get layers() {
      return jail.layers ?? [];
    },
    async prepare() {
      const degradations = await jail.prepare();
      const isBare = jail.name === 'none';
      for (const message of degradations) log({ level: isBare || isBestEffort ? 'warn' : 'info', message, boxId });
      if (isBare && degradations.length === 0) {
        log({ level: 'warn', message: 'the box runs UNCONFINED: its jailer is off', boxId });
      }
      return degradations;
    },
    command(command) {
      const confined = jail.command(command);
      cgroupDir = confined.cgroupDir;
      return confined;
    },
    release: () => jail.release(),
    record: () => ({
      name: jail.name,
      layers: jail.layers ?? [],
      ...(cgroupDir === undefined ? {} : { cgroupDir }),
    }),
  };
}
