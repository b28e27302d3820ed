import { vmmUnderTest } from './vmm-under-test.js';

/** What boxes can do, as a person would say it, and the tests that show it. Read by scripts/parity.mjs. */
export interface Feature {
  readonly title: string;
  /** Test files below `test/e2e` (without `.test.ts`) whose tests all belong to it, or `file > beginning of a title`. */
  readonly tests: readonly string[];
  /** VMMs that do not have it, each with the reason. */
  readonly gaps?: Readonly<Record<string, string>>;
}

const NO_SHARES_IN_QEMU =
  'QEMU shares directories through a virtiofsd, a second process that the supervisor would have to run in the jail beside QEMU';

export const FEATURES = {
  run: { title: 'a command from an OCI image in a VM of its own', tests: ['main-job', 'cli-run'] },
  link: {
    title: '100 MiB over the agent link, several commands at once, both ways',
    tests: ['link'],
  },
  terminal: { title: 'terminals: size, resize, Ctrl-C', tests: ['cli-terminal'] },
  lifecycle: { title: 'create, start, exec, stop, restart, detach, remove', tests: ['cli-lifecycle'] },
  images: { title: 'images: archives, registries, and what is wrong with them', tests: ['bad-images', 'cli-images'] },
  commands: { title: 'commands that fail, statuses and signals', tests: ['bad-commands', 'cli-commands'] },
  options: { title: 'wrong options are refused before anything is made', tests: ['bad-options'] },
  machine: { title: 'a machine that lacks something says so, with the remedy', tests: ['bad-machine'] },
  ordinaryUser: { title: 'boxes of an ordinary user, jailed', tests: ['ordinary-user'] },
  volumes: {
    title: 'volumes: directories and single files of the host, ids mapped to the container user',
    tests: ['volumes > volumes'],
    gaps: { qemu: NO_SHARES_IN_QEMU },
  },
  readOnlyVolumes: {
    title: 'read-only volumes, enforced on the host',
    tests: ['volumes > a read-only volume'],
    gaps: { qemu: NO_SHARES_IN_QEMU },
  },
} as const satisfies Readonly<Record<string, Feature>>;

export type FeatureId = keyof typeof FEATURES;

/**
 * Why the VMM of this run does not have a feature; undefined when it does. For `describe.skipIf(gap !== undefined)`, with the reason in the
 * title, so that nothing is skipped in silence.
 */
export async function gapOf(id: FeatureId): Promise<string | undefined> {
  const feature: Feature = FEATURES[id];
  const vmm = await vmmUnderTest();
  const reason = feature.gaps?.[vmm];
  return reason === undefined ? undefined : `not on ${vmm}: ${reason}`;
}
