// Streams bytes through a command in a box with back-pressure from end to end.
import { createHash, randomBytes } from 'node:crypto';
import { Boxlite } from '@boxlite/sdk';

const boxlite = await Boxlite.open();
const box = await boxlite.create({ memoryMib: 128, autoRemove: true });
try {
  const chunk = randomBytes(64 * 1024);
  const rounds = 64;
  const sum = await box.exec('sh', ['-c', 'cat | sha256sum']);
  const expected = createHash('sha256');
  const feed = (async () => {
    for (let round = 0; round < rounds; round += 1) {
      expected.update(chunk);
      await sum.stdin.write(chunk);
    }
    await sum.stdin.end();
  })();
  let output = '';
  for await (const bytes of sum.stdout) output += Buffer.from(bytes).toString();
  await feed;
  const { exitCode } = await sum.wait();
  const same = output.startsWith(expected.digest('hex'));
  console.log(`${rounds * 64} KiB went through, status ${exitCode}, the sum ${same ? 'agrees' : 'differs'}`);
  process.exitCode = same ? 0 : 1;
} finally {
  await box.stop();
  await boxlite.shutdown();
}
