import { tarLayer } from './tar/tar-layer.js';

/** Where the guest agent is in every guest rootfs, relative to the root. */
export const AGENT_PATH = 'boxlite/bin/boxlite-guest';

/**
 * A layer holding the guest agent, owned by root, mode 0755. Applied on top of an image's layers it gives the same tree as copying the
 * finished disk and writing the agent into the copy, whatever the image has at that path.
 * @param agent the bytes of the agent binary
 */
export function agentLayer(agent: Uint8Array): AsyncIterable<Uint8Array> {
  return tarLayer([
    { name: 'boxlite', type: 'directory', mode: 0o755 },
    { name: 'boxlite/bin', type: 'directory', mode: 0o755 },
    { name: AGENT_PATH, type: 'file', mode: 0o755, content: agent },
  ]);
}
