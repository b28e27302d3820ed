// Runs somebody's program in a box of its own, with a time limit, and judges what it printed.
import { Boxlite } from '@boxlite/sdk';

const submission = `read a; read b; echo $((a + b))`;

const boxlite = await Boxlite.open();
const box = await boxlite.create({ memoryMib: 128, autoRemove: true });
try {
  const { stdout, exitCode, timedOut } = await box.run('sh', ['-c', submission], {
    input: '2\n40\n',
    timeoutMs: 5000,
    maxOutputBytes: 1_000_000,
    user: 'nobody',
  });
  const answer = Buffer.from(stdout).toString().trim();
  if (timedOut) console.log('too slow');
  else if (exitCode !== 0) console.log(`failed with status ${exitCode}`);
  else console.log(answer === '42' ? 'accepted' : `wrong answer: ${answer}`);
} finally {
  await box.stop();
  await boxlite.shutdown();
}
