// microsandbox 0.6 through its Node.js package, which wants Node.js 22.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { PEER_MSB, peerModule } from '../lib/peers-cache.mjs';

export async function open({ registry, memoryMib, image = 'busybox:latest', cold = false }) {
  const { path, version } = peerModule('microsandbox', 'dist/index.js');
  const { Sandbox } = await import(pathToFileURL(path).href);
  let number = 0;
  const execTrue = async (sandbox) => {
    const { code } = await sandbox.exec('true');
    if (code !== 0) throw new Error(`true ended with status ${code}`);
  };
  const product = {
    about: { product: `microsandbox ${version}`, node: process.version, remark: `its \`msb branch\`: ${branchOf()}` },
    async start() {
      number += 1;
      const sandbox = await Sandbox.builder(`bench-${number}`)
        .image(`${registry}/${image}`)
        .registry((connection) => connection.insecure())
        .cpus(1)
        .memory(memoryMib)
        .disableNetwork() // nobody of the comparison has a network
        .create();
      await execTrue(sandbox);
      return sandbox;
    },
    exec: execTrue,
    stop: (sandbox) => sandbox.stop(),
    remove: (sandbox) => Sandbox.remove(sandbox.name),
    close: async () => undefined,
  };
  if (cold) return product;
  const warmUp = await product.start();
  await product.stop(warmUp);
  await product.remove(warmUp);
  return product;
}

/** What `msb` says of the operation that a start from a template is to be compared with. Version 0.7 has it, which npm does not have. */
function branchOf() {
  const { status, stderr, error } = spawnSync(PEER_MSB, ['branch', '--help'], { encoding: 'utf8' });
  if (status === 0) return 'it is there, and a participant that uses it is to be written';
  return `not measured, ${error?.message ?? stderr.split('\n', 1)[0]}`;
}
