// Answers requests, each in a box of its own that nobody has used before, without waiting for one to start.
import { Boxlite } from '@boxlite/sdk';

const boxlite = await Boxlite.open();
const pool = boxlite.pool({ size: 2, memoryMib: 128, security: { maxProcesses: 256 } });
try {
  await pool.ready();
  const answers = ['6 * 7', '2 ** 10', '1 / 0'].map(async (question) => {
    const box = await pool.take();
    try {
      const { stdout, exitCode } = await box.run('sh', ['-c', `echo $((${question}))`]);
      return exitCode === 0 ? `${question} = ${Buffer.from(stdout).toString().trim()}` : `${question} is no sum`;
    } finally {
      await boxlite.remove(box.id, { force: true });
    }
  });
  for (const answer of await Promise.all(answers)) console.log(answer);
} finally {
  await boxlite.shutdown(); // drains the pool, too
}
