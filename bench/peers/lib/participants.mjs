import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibkrun } from './find-libkrun.mjs';
import { BARE_PROGRAM, PEER_NODE } from './peers-cache.mjs';

/** What is measured of a product, in this order within a round. */
export const MEASURES = ['start', 'exec', 'memory', 'stop', 'several'];

const adapterPath = (name) => fileURLToPath(new URL(`../participants/${name}.mjs`, import.meta.url));
const bare = (init) => () => ({
  adapter: adapterPath('bare-libkrun'),
  settings: { init, program: BARE_PROGRAM, library: findLibkrun() },
});

/** Name to how it is run; a name of a participant that is ours begins with `ours`. */
const PARTICIPANTS = {
  'ours-libkrun': { make: () => ({ adapter: adapterPath('ours'), settings: { vmm: 'libkrun' } }) },
  'ours-qemu': {
    measures: ['start'],
    make: () => ({ adapter: adapterPath('ours'), settings: { vmm: 'qemu' } }),
  },
  'ours-qemu-template': {
    measures: ['start', 'memory'],
    make: () => ({ adapter: adapterPath('ours'), settings: { vmm: 'qemu', template: true } }),
  },
  boxlite: { isPeer: true, make: () => ({ adapter: adapterPath('boxlite') }) },
  microsandbox: {
    isPeer: true,
    make: (directory) => ({
      adapter: adapterPath('microsandbox'),
      execPath: PEER_NODE,
      env: { MSB_HOME: join(directory, 'microsandbox'), HOME: directory },
    }),
  },
  floor: { measures: ['start', 'memory'], make: bare('agent') },
  'exec-floor': { measures: ['start', 'exec'], make: bare('probe') },
};
/** Those of a whole comparison. */
export const DEFAULT_PARTICIPANTS = [
  ...['ours-libkrun', 'ours-qemu-template', 'ours-qemu'],
  ...['boxlite', 'microsandbox', 'floor', 'exec-floor'],
];

/**
 * @param choice a name of the list above, or NAME=MODULE for an adapter of somebody else
 * @param directory where the participant may keep its files
 * @throws {Error} for a name there is not
 */
export function describeParticipant(choice, directory) {
  const [name, module] = choice.split('=', 2);
  const known = PARTICIPANTS[name];
  if (module !== undefined) return { name, isPeer: false, measures: MEASURES, adapter: module, settings: {} };
  if (known === undefined) {
    throw new Error(`there is no participant ${name}; there are ${Object.keys(PARTICIPANTS).join(', ')}`);
  }
  if (known.isPeer && !existsSync(PEER_NODE)) throw new Error(`${name} is not installed; run bench/peers/install.mjs`);
  return { name, isPeer: false, measures: MEASURES, settings: {}, ...known, ...known.make(directory) };
}
