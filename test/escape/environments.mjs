// Where the attempts are made: by whom, with which network, and what is special there. The order is that of the marks in the matrix.
import { readFileSync } from 'node:fs';
import { ORDINARY_USER } from './run-job.mjs';

/**
 * @typedef {object} Environment
 * @property {number} uid
 * @property {boolean} network whether the box has a network card
 * @property {'here' | 'kvm'} host
 * @property {'qemu' | 'libkrun'} [policy] of system calls; default: QEMU's
 * @property {string[]} [layers] that differ from those of another environment; default: all
 * @property {string} title
 */

const NETWORK_LAYERS = ['none', 'all'];
const POLICY_LAYERS = ['none', 'seccomp', 'all'];

/** @type {Readonly<Record<string, Environment>>} */
export const ENVIRONMENTS = {
  root: { uid: 0, network: false, host: 'here', title: 'root, QEMU' },
  ordinary: { uid: ORDINARY_USER, network: false, host: 'here', title: 'ordinary user, QEMU' },
  'root-network': {
    ...{ uid: 0, network: true, host: 'here', layers: NETWORK_LAYERS },
    title: 'root, QEMU, with a network card',
  },
  'ordinary-network': {
    ...{ uid: ORDINARY_USER, network: true, host: 'here', layers: NETWORK_LAYERS },
    title: 'ordinary user, QEMU, with a network card',
  },
  'root-libkrun': {
    ...{ uid: 0, network: false, host: 'here', policy: 'libkrun', layers: POLICY_LAYERS },
    title: "root, libkrun's policy and second filter",
  },
  'ordinary-libkrun': {
    ...{ uid: ORDINARY_USER, network: false, host: 'here', policy: 'libkrun', layers: POLICY_LAYERS },
    title: "ordinary user, libkrun's policy and second filter",
  },
  'kvm-root': { uid: 0, network: false, host: 'kvm', title: 'KVM host, root, QEMU' },
  'kvm-ordinary': { uid: 1000, network: false, host: 'kvm', title: 'KVM host, ordinary user, QEMU' },
};

/** In the order they are put around a command. */
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

/** @param {Environment} environment */
export function jobOf({ uid, network, host, policy = 'qemu', layers = LAYERS }) {
  return {
    ...{ uid, network, layers, policy, accelerator: host === 'kvm' ? 'kvm' : 'tcg' },
    attempts: Object.entries(ATTEMPTS).map(([name, { under, alone, lingers, starterDies }]) => ({
      ...{ name, under, alone, lingers, starterDies },
    })),
  };
}

/**
 * Whether a layer is declared to stop an attempt alone in an environment.
 * @param {readonly string[]} stops
 * @param {string} layer
 * @param {{ uid: number, landlock: number, policy?: string }} where `policy`: what `seccomp` is declared for is QEMU's; libkrun serves shares itself and may more
 */
export function isDeclared(stops, layer, { uid, landlock, policy = 'qemu' }) {
  if (layer === 'seccomp' && policy !== 'qemu') return false;
  return stops.some((stop) => {
    const [name, who] = stop.split('@');
    const [plain, version] = (name ?? '').split('>=');
    if (plain !== layer || (version !== undefined && landlock < Number(version))) return false;
    return who === undefined || (who === 'root') === (uid === 0);
  });
}
