// The process of one participant: node participant.mjs ADAPTER. It times what its product does and is asked over Node's message channel.
//
// An adapter exports `open(settings)`, which resolves with the product ready and its images warm, as
//   { about, start(): box, exec(box), stop(box), remove(box), close(), stages?(box) }
// With `settings.cold` it is ready without having touched an image: the first `start` fetches `settings.image` and makes of it what it boots from.
// `start` is create + start + first exec of `true`; `stages` tells what that was made of, in milliseconds by name.
import { pathToFileURL } from 'node:url';
import { timed } from '../../lib/alternate.mjs';

const adapter = await import(pathToFileURL(process.argv[2]).href);
const boxes = [];
let product;

const operations = {
  async open(settings) {
    product = await adapter.open(settings);
    return product.about;
  },
  async start() {
    return startOne();
  },
  async exec({ times }) {
    const samples = [];
    for (let turn = 0; turn < times; turn += 1) samples.push(await timed(() => product.exec(boxes[0])));
    return samples;
  },
  async stop() {
    const box = boxes.shift();
    const milliseconds = await timed(() => product.stop(box));
    await product.remove(box);
    return milliseconds;
  },
  async startMany({ count }) {
    // All are awaited, also when one fails: nothing is still starting when the next request comes.
    return timed(async () => {
      const results = await Promise.allSettled(Array.from({ length: count }, startOne));
      const failed = results.find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
  },
  async stopAll() {
    const all = boxes.splice(0);
    const milliseconds = await timed(() => Promise.all(all.map((box) => product.stop(box))));
    for (const box of all) await product.remove(box);
    return milliseconds;
  },
  /** After a failure: what it left. */
  async removeAll() {
    for (const box of boxes.splice(0)) {
      await product.remove(box).catch((thrown) => console.error(`what a failed round left stays: ${thrown.message}`));
    }
  },
  /** Before memory is looked at, so that garbage of the embedding program is not taken for the box's. */
  async collectGarbage() {
    globalThis.gc();
  },
  async close() {
    await product?.close();
  },
};

async function startOne() {
  const milliseconds = await timed(async () => boxes.push(await product.start()));
  return { milliseconds, stages: product.stages?.(boxes.at(-1)) ?? {} };
}

process.on('message', async ({ id, operation, parameters }) => {
  try {
    process.send({ id, result: await operations[operation](parameters) });
  } catch (thrown) {
    process.send({ id, error: `${operation}: ${thrown.stack ?? thrown}` });
  }
});

// The driver has ended or has let go: whatever a product still holds must not keep this process.
process.on('disconnect', () => process.exit());
