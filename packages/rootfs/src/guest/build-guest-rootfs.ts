import { unmountOrThrow } from './cleanup-guest-rootfs.js';
import { createGuestRootfs, type GuestRootfs, type GuestRootfsInput } from './guest-rootfs.js';
import { type AgentToInject, injectAgent, readCheckedAgent } from './inject-agent.js';
import { mountOverlay } from './overlay-mount.js';

/**
 * A rootfs in a directory, with the agent put in. An overlay is mounted first, unless it is already. A direct one is the caller's and stays as it is;
 * a disk has the agent already.
 * @throws BoxliteError `agent_invalid` before anything is made; what mounting an overlay throws (`permission_denied` for an ordinary user);
 *   `storage_error`. An overlay without the agent does not stay mounted.
 */
export async function buildGuestRootfs(input: GuestRootfsInput, agent: AgentToInject): Promise<GuestRootfs> {
  const rootfs = createGuestRootfs(input);
  const { path, strategy } = rootfs;
  if (strategy.kind === 'extracted') await injectAgent(path, agent);
  if (strategy.kind === 'overlay-mount') {
    await readCheckedAgent(agent);
    await mountOverlay(path, strategy);
    try {
      await injectAgent(path, agent);
    } catch (thrown) {
      await unmountOrThrow(path);
      throw thrown;
    }
  }
  return rootfs;
}
