import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { stagingName, sweepStaging } from '@boxlite/layout';
import { AGENT_PATH } from '../agent-layer.js';
import { checkAgentElf, readAgentBinary } from './agent-binary.js';

/** The agent to put into a directory. */
export interface AgentToInject {
  readonly agentPath: string;
  /** As `process.arch` names it; default: of this process. */
  readonly architecture?: string;
}

/**
 * Writes the agent into a directory tree of an image, which may have hostile symlinks in the agent's place. Several processes may do it at
 * once; what one that was killed has left is removed.
 * @throws BoxliteError `agent_invalid`, `storage_error`
 */
export async function injectAgent(root: string, agent: AgentToInject): Promise<void> {
  const bytes = await readCheckedAgent(agent);
  const target = join(root, AGENT_PATH);
  try {
    await lstat(root);
    await makeRealDirectories(root, dirname(AGENT_PATH));
    await sweepStaging(dirname(target));
    const staged = join(dirname(target), stagingName());
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
    if ((await statOrUndefined(target))?.isDirectory() === true) await rm(target, { recursive: true, force: true });
    await rename(staged, target);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) throw thrown;
    throw toBoxliteError(thrown, 'storage_error', `putting the guest agent into ${root}`);
  }
}

/** @throws BoxliteError `agent_invalid` */
export async function readCheckedAgent({ agentPath, architecture = process.arch }: AgentToInject): Promise<Uint8Array> {
  const { bytes } = await readAgentBinary(agentPath);
  checkAgentElf(agentPath, bytes, architecture);
  return bytes;
}

/** Each component becomes a directory of the tree itself; a symlink or file in its place is replaced, never followed. */
async function makeRealDirectories(root: string, path: string): Promise<void> {
  let current = root;
  for (const component of path.split('/')) {
    current = join(current, component);
    const found = await statOrUndefined(current);
    if (found?.isDirectory() === true) continue;
    if (found !== undefined) await rm(current, { force: true });
    await makeDirectory(current);
    await chmod(current, 0o755);
  }
}

/** One that another process has just made is as good. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST' || (await statOrUndefined(path))?.isDirectory() !== true) throw thrown;
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
