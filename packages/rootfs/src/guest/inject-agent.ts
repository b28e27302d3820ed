import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { AGENT_PATH } from '../agent-layer.js';
import { checkAgentElf, readAgentBinary } from './agent-binary.js';
import { createGuestRootfs, type GuestRootfs, type GuestRootfsInput } from './guest-rootfs.js';

/** The agent to put into a directory. */
export interface AgentToInject {
  readonly agentPath: string;
  /** As `process.arch` names it; default: of this process. */
  readonly architecture?: string;
}

/**
 * A rootfs in a directory, with the agent put in. A direct one is the caller's and stays as it is; a disk has the agent already.
 * @throws BoxliteError `agent_invalid`, `storage_error`
 */
export async function buildGuestRootfs(input: GuestRootfsInput, agent: AgentToInject): Promise<GuestRootfs> {
  const rootfs = createGuestRootfs(input);
  const { kind } = rootfs.strategy;
  if (kind === 'extracted' || kind === 'overlay-mount') await injectAgent(rootfs.path, agent);
  return rootfs;
}

/** Writes the agent into a directory tree of an image, which may have hostile symlinks in the agent's place. */
async function injectAgent(root: string, { agentPath, architecture = process.arch }: AgentToInject): Promise<void> {
  const { bytes } = await readAgentBinary(agentPath);
  checkAgentElf(agentPath, bytes, architecture);
  const target = join(root, AGENT_PATH);
  try {
    await lstat(root);
    await makeRealDirectories(root, dirname(AGENT_PATH));
    const staged = `${target}.new`;
    await rm(staged, { recursive: true, force: true });
    const handle = await open(
      staged,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o755,
    );
    try {
      await handle.writeFile(bytes);
      await handle.chmod(0o755);
    } finally {
      await handle.close();
    }
    if ((await statOrUndefined(target))?.isDirectory() === true) await rm(target, { recursive: true });
    await rename(staged, target);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) throw thrown;
    throw toBoxliteError(thrown, 'storage_error', `putting the guest agent into ${root}`);
  }
}

/** Each component becomes a directory of the tree itself; a symlink or file in its place is replaced, never followed. */
async function makeRealDirectories(root: string, path: string): Promise<void> {
  let current = root;
  for (const component of path.split('/')) {
    current = join(current, component);
    const found = await statOrUndefined(current);
    if (found?.isDirectory() === true) continue;
    if (found !== undefined) await rm(current);
    await mkdir(current);
    await chmod(current, 0o755);
  }
}

async function statOrUndefined(path: string) {
  try {
    return await lstat(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
