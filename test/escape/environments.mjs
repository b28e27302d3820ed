// Where the attempts are made: by whom, with which network, and what is special there. The order is that of the marks in the matrix.
import { readFileSync } from 'node:fs';
import { ORDINARY_USER } from './run-job.mjs';

/** @typedef {{ uid: number, network: boolean, host: 'here' | 'kvm', title: string }} Environment */

/** @type {Readonly<Record<string, Environment>>} */
export const ENVIRONMENTS = {
  root: { uid: 0, network: false, host: 'here', title: 'root, no network' },
  ordinary: { uid: ORDINARY_USER, network: false, host: 'here', title: 'ordinary user, no network' },
  'root-network': { uid: 0, network: true, host: 'here', title: 'root, with a network card' },
  'ordinary-network': { uid: ORDINARY_USER, network: true, host: 'here', title: 'ordinary user, with a network card' },
  'kvm-root': { uid: 0, network: false, host: 'kvm', title: 'KVM host, root' },
  'kvm-ordinary': { uid: 1000, network: false, host: 'kvm', title: 'KVM host, ordinary user' },
};

/** Whom an attempt is worth making as. */
export const LAYERS = ['none', 'descriptors', 'rlimits', 'cgroup', 'view', 'privileges', 'landlock', 'seccomp', 'all'];

/**
 * @typedef {object} Attempt
 * @property {string} topic
 * @property {'root'} [who] only root can do it with all layers off; default: everybody
 * @property {string[]} stops layers that each stop it alone: `layer`, `layer@root`, `layer@ordinary`, `landlock>=<ABI>`
 * @property {{ when: 'network' | 'no-cgroup', why: string }} [open] what is not stopped by all layers together, and is not promised
 * @property {string[]} [under] the layers it is tried under; default: all
 * @property {boolean} [alone]
 * @property {boolean} [lingers]
 * @property {boolean} [starterDies]
 */

/** @type {Readonly<Record<string, Attempt>>} */
export const ATTEMPTS = JSON.parse(readFileSync(new URL('attempts.json', import.meta.url), 'utf8'));

/**
 * @param {Environment} environment
 * @param {readonly string[]} [layers]
 */
export function jobOf({ uid, network, host }, layers = LAYERS) {
  return {
    ...{ uid, network, layers, accelerator: host === 'kvm' ? 'kvm' : 'tcg' },
    attempts: Object.entries(ATTEMPTS).map(([name, { under, alone, lingers, starterDies }]) => ({
      ...{ name, under, alone, lingers, starterDies },
    })),
  };
}

/**
 * Whether a layer is declared to stop an attempt alone in an environment.
 * @param {readonly string[]} stops
 * @param {string} layer
 * @param {{ uid: number, landlock: number }} where
 */
export function isDeclared(stops, layer, { uid, landlock }) {
  return stops.some((stop) => {
    const [name, who] = stop.split('@');
    const [plain, version] = (name ?? '').split('>=');
    if (plain !== layer || (version !== undefined && landlock < Number(version))) return false;
    return who === undefined || (who === 'root') === (uid === 0);
  });
}
