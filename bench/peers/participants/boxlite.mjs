// BoxLite 0.10 through its Node.js package.
import { pathToFileURL } from 'node:url';
import { peerModule } from '../lib/peers-cache.mjs';

const FIRST_ATTEMPTS = 3;

export async function open({ directory, registry, memoryMib, image = 'busybox:latest', cold = false }) {
  const { path, version } = peerModule('@boxlite-ai/boxlite', 'dist/index.js');
  const { JsBoxlite } = await import(pathToFileURL(path).href);
  const runtime = new JsBoxlite({
    homeDir: directory,
    // `search`: it looks for `debian:bookworm-slim`, of which it makes the root of its virtual machines, in these registries.
    imageRegistries: [{ host: registry, transport: 'http', search: true }],
  });
  const execTrue = async (box) => {
    const execution = await box.exec('true');
    const { exitCode } = await execution.wait();
    if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
  };
  const product = {
    about: { product: `BoxLite ${version}`, node: process.version },
    async start() {
      const box = await runtime.create({
        image,
        cpus: 1,
        memoryMib,
        autoRemove: false,
        // Process 1 of the box must stay, and go when it is told to: `sleep` alone ignores SIGTERM there, and a stop takes two seconds more.
        cmd: ['sh', '-c', 'trap "exit 0" TERM; sleep 1000000 & wait'],
        network: { outbound: { mode: 'disabled' } }, // nobody of the comparison has a network
      });
      await box.start();
      await execTrue(box);
      return box;
    },
    exec: execTrue,
    stop: (box) => box.stop(),
    remove: (box) => runtime.remove(box.id, true),
    close: () => runtime.shutdown(0),
  };
  if (cold) return { ...product, start: () => firstStart(product) };
  const box = await firstStart(product);
  await product.stop(box);
  await product.remove(box);
  return product;
}

/** The first start also makes the disks of the image, and its guest may then lose the connection (`transport error`): a second one finds them made. */
async function firstStart(product) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await product.start();
    } catch (thrown) {
      if (attempt === FIRST_ATTEMPTS) throw thrown;
      console.error(`boxlite: attempt ${attempt} at the first start: ${thrown.message}`);
    }
  }
}
