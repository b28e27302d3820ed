/** Source of the records that belong to no box. */
export const GLOBAL_SOURCE = '__global__';
const PART_LENGTH = 12;

/**
 * Names one version of a guest rootfs: image and agent.
 * @param imageDigest with or without `sha256:`; a shorter one is taken whole
 * @param agentHash SHA-256 of the agent, hexadecimal
 */
export function versionKey(imageDigest: string, agentHash: string): string {
  const image = imageDigest.startsWith('sha256:') ? imageDigest.slice('sha256:'.length) : imageDigest;
  return `${image.slice(0, PART_LENGTH)}-${agentHash.slice(0, PART_LENGTH)}`;
}

/** True for a key made with this agent. */
export function isKeyOfAgent(key: string, agentHash: string): boolean {
  return key.endsWith(`-${agentHash.slice(0, PART_LENGTH)}`);
}
