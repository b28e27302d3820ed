import { BoxliteError } from '@boxlite/core';
import type { VolumeMount } from '@boxlite/guest-agent';
import type { CheckedVolume } from '../../options/volume.js';
import { startColdInstead } from '../../template/start-machine.js';
import { connectGuest, guestReadyTimeoutMs } from '../connect-guest.js';
import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';
import { startNote } from '../start-note.js';
import { reportingVmmEnd } from '../vmm-ended.js';
import type { VolumeShare } from '../volume-shares.js';

/** Errors of a guest that is not itself any more. */
const BROKEN_GUEST = ['vmm_failed', 'agent_unavailable', 'agent_protocol', 'stopped'] as const;

/**
 * Makes the blank guest this box: name, and the container on its disk; the client adds clock and entropy. A guest that goes on from a template and breaks
 * at it is booted instead.
 */
export const guestInit: Stage<StartContext> = {
  name: 'guest-init',
  note: startNote,
  async run(context) {
    try {
      await initialize(context);
    } catch (thrown) {
      if (!isBrokenGuest(context, thrown)) throw thrown;
      await startColdInstead(context, thrown);
      await connectGuest(context, guestReadyTimeoutMs(context.options));
      await initialize(context);
    }
  },
};

async function initialize(context: StartContext): Promise<void> {
  const { options, newDisk, templateKind } = context;
  const { config } = required(context, 'image');
  const init = {
    hostname: options.hostname ?? hostnameOf(options.name),
    env: mergeEnv(config.env, options.env),
    cwd: options.workingDir ?? config.workingDir,
    user: options.user ?? config.user,
    volumes: volumeMounts(required(context, 'volumes'), required(context, 'shares')),
    privileged: options.privileged,
    // What was prepared is for a disk of this size.
    ...(templateKind === 'image' && newDisk !== undefined ? { diskBytes: newDisk.virtualSize } : {}),
  };
  await reportingVmmEnd(context, () => required(context, 'agent').init(init, context.signal));
}

/** Memory that rotted on the disk shows only now; what is wrong with the box or its image is none of the template's. */
function isBrokenGuest({ template, signal }: StartContext, thrown: unknown): boolean {
  if (template === undefined || signal?.aborted === true) return false;
  return BROKEN_GUEST.some((code) => BoxliteError.isInstance(thrown, code));
}

/** Where the guest mounts which share, parents before what lies in them. */
export function volumeMounts(
  volumes: readonly Pick<CheckedVolume, 'tag' | 'guestPath'>[],
  shares: readonly VolumeShare[],
): readonly VolumeMount[] {
  const depth = (path: string) => path.split('/').length;
  return shares
    .flatMap(({ tag, readOnly, file }) =>
      volumes
        .filter((volume) => volume.tag === tag)
        .map(({ guestPath }) => ({ tag, destination: guestPath, readOnly, ...(file === undefined ? {} : { file }) })),
    )
    .sort((one, other) => depth(one.destination) - depth(other.destination));
}

/** The box's name made a host name, else the product's. */
export function hostnameOf(name: string | undefined): string {
  return name?.replaceAll(/[^A-Za-z0-9.-]/g, '-').slice(0, 63) ?? 'boxlite';
}

/** The image's environment with the box's over it, in the image's order. */
export function mergeEnv(imageEnv: readonly string[], boxEnv: Readonly<Record<string, string>>): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of imageEnv) {
    const split = entry.indexOf('=');
    if (split > 0) merged.set(entry.slice(0, split), entry.slice(split + 1));
  }
  for (const [name, value] of Object.entries(boxEnv)) merged.set(name, value);
  return [...merged].map(([name, value]) => `${name}=${value}`);
}
