import { createHash } from 'node:crypto';
import { type SyntheticEntry, tarLayer } from './tar/tar-layer.js';

/** The kernel gives init its console from here, before anything can mount a devtmpfs (Documentation/admin-guide/devices.txt). */
const CONSOLE: SyntheticEntry = { name: 'dev/console', type: 'character-device', major: 5, minor: 1, mode: 0o600 };
const NULL_DEVICE: SyntheticEntry = { name: 'dev/null', type: 'character-device', major: 1, minor: 3, mode: 0o666 };

const ENTRIES: readonly SyntheticEntry[] = [
  ...['./', 'boxlite', 'boxlite/bin', 'boxlite/container', 'dev', 'proc', 'run', 'sys'].map(
    (name): SyntheticEntry => ({ name, type: 'directory', mode: 0o755 }),
  ),
  { name: 'tmp', type: 'directory', mode: 0o1777 },
  CONSOLE,
  NULL_DEVICE,
];

/** Names the skeleton as if it were an image: by what it is made of, for every start asks. */
export const SKELETON_DIGEST = `sha256:${createHash('sha256').update(JSON.stringify(ENTRIES)).digest('hex')}`;

/**
 * The guest rootfs of a VM whose agent needs nothing else: mount points and two device nodes, everything owned by root with
 * times of zero. Together with {@link agentLayer} it makes a disk in milliseconds.
 */
export function skeletonLayer(): AsyncIterable<Uint8Array> {
  return tarLayer(ENTRIES);
}
