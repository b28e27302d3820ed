import { type BaseDiskRecord, BoxliteError } from '@boxlite/core';
import { stage } from '@boxlite/layout';
import { agentLayer } from '../agent-layer.js';
import { ext4Converter } from '../build-image-disk.js';
import type { LayerStream } from '../image-converter.js';
import { skeletonLayer } from '../skeleton-layer.js';
import { type AgentBinary, checkAgentElf, readAgentBinary } from './agent-binary.js';
import type { GuestRootfsManagerOptions } from './guest-rootfs-manager.js';
import type { RootfsRecords } from './rootfs-records.js';
import { versionKey } from './version-key.js';

/** The disk to make. */
export interface GuestRootfsPlan {
  /** Of the image, or of the skeleton as if it were one. */
  readonly digest: string;
  /** SHA-256 of the agent, hexadecimal, as it was when it was first looked at. */
  readonly expectedHash: string;
  /** Of the image; undefined: the skeleton's. */
  readonly layers: readonly LayerStream[] | undefined;
  readonly signal: AbortSignal;
}

/** Room for the guest beside the agent; the disk is sparse and read-only. */
const SKELETON_BYTES = 16 * 1024 ** 2;

/**
 * Builds a disk with the agent in it in a private directory of `tmp/` and installs it; or finds it, when the agent turns out to be another than
 * expected.
 * @throws BoxliteError `agent_invalid`, and what building and installing throw
 */
export async function createGuestRootfsDisk(
  options: GuestRootfsManagerOptions,
  records: RootfsRecords,
  { digest, expectedHash, layers, signal }: GuestRootfsPlan,
): Promise<BaseDiskRecord> {
  const { agentPath, architecture = process.arch, builtInAgentHash, tmpDir, converter = ext4Converter } = options;
  const agent = await readAgentBinary(agentPath);
  checkAgentElf(agentPath, agent.bytes, architecture);
  if (agent.hash !== expectedHash) {
    if (builtInAgentHash !== undefined) throw wrongAgent(agentPath, expectedHash, agent.hash);
    // The binary was replaced since it was hashed: what is built is named after what goes in.
    const known = await records.lookup(versionKey(digest, agent.hash));
    if (known.state === 'hit') return known.record;
  }
  const staging = await stage(tmpDir);
  try {
    const target = staging.path('guest-rootfs');
    const key = versionKey(digest, agent.hash);
    const { sizeBytes } = await converter.convert({
      layers: [...(layers ?? [skeletonLayer()]), agentLayer(agent.bytes)],
      target,
      // Read-only: what the image needs, and next to nothing for the skeleton.
      sizeBytes: layers === undefined ? skeletonBytes(agent) : 'fit',
      journal: false,
      identity: `${digest} ${agent.hash}`,
      signal,
    });
    return await records.install(target, key, sizeBytes);
  } finally {
    await staging.remove();
  }
}

function skeletonBytes(agent: AgentBinary): number {
  const mib = 1024 ** 2;
  return SKELETON_BYTES + Math.ceil(agent.bytes.length / mib) * mib;
}

function wrongAgent(path: string, expected: string, found: string): BoxliteError {
  return new BoxliteError(
    'agent_invalid',
    `the guest agent ${path} has hash ${found}, this build expects ${expected}`,
    {
      hint: 'rebuild: the agent and the packages that embed its hash are from different builds',
      details: { field: 'agentPath', expected, found },
    },
  );
}
