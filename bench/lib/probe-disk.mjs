import { readFile } from 'node:fs/promises';
import { builtPackage, packageFile } from './packages.mjs';

/** A disk like the product's, with guest-agent's exec-probe in the agent's place. @returns the path */
export async function buildProbeDisk(target) {
  const { agentLayer, buildImageDisk, skeletonLayer } = await builtPackage('rootfs');
  const bytes = await readFile(packageFile('guest-agent/native/build/exec-probe'));
  await buildImageDisk({
    layers: [skeletonLayer(), agentLayer(bytes)],
    target,
    sizeBytes: 16 * 2 ** 20,
    journal: false,
  });
  return target;
}
