import type { Jail, JailLayerName, JailRecord } from '@boxlite/core';
import type { Log } from '../runtime/log.js';

/** Layers that a machine with a jail has, but for some reason of its own. */
const PROMISED: ReadonlySet<JailLayerName> = new Set(['namespaces', 'view', 'privileges']);

/** A jail of which can be written down what it was. */
export interface ReportingJail extends Jail {
  /** As `prepare` and `command` left it. */
  record(): JailRecord;
}

/**
 * A jail that says what it had to give up: the VM handler that prepares it has nobody to tell. What best effort goes without is a warning, as is running
 * bare, and what keeps a layer of the default jail from being whole; what many machines lack, such as a cgroup, is not.
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
      const isWhole = (jail.layers ?? []).every(({ name, state }) => state !== 'partial' || !PROMISED.has(name));
      const level = isBare || isBestEffort || !isWhole || lacksMember(jail) ? 'warn' : 'info';
      for (const message of degradations) log({ level, message, boxId });
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

/** A layer that is part of the sandbox by its name, such as Landlock, and is not to be had here. */
function lacksMember({ name, layers = [] }: Jail): boolean {
  const members = name.split('+');
  return layers.some((layer) => layer.state === 'inactive' && members.includes(layer.name));
}
