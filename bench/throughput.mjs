// Bytes through a box: stdout and stdin of a command, against the same bytes through a pipe to a child of this process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { alternate } from './lib/alternate.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 5;

const MEBIBYTE = 2 ** 20;
const TOTAL_MIB = 16;
const CHUNK = Buffer.alloc(MEBIBYTE / 4, 'boxlite ');
const WRITER = `dd if=/dev/zero bs=64k count=${TOTAL_MIB * 16} 2>/dev/null`;
const READER = 'cat >/dev/null';

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, remove }) => {
      const box = await boxlite.create({ memoryMib: MEMORY_MIB });
      try {
        await box.start();
        const samples = await alternate(
          {
            stdout: () => rate('box stdout', () => readFrom(box)),
            stdin: () => rate('box stdin', () => writeTo(box)),
            hostStdout: () => rate('host pipe, stdout', readFromChild),
            hostStdin: () => rate('host pipe, stdin', writeToChild),
          },
          { runs, warmUp: 1, progress },
        );
        return report(Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'MiB/s' })));
      } finally {
        await remove(box);
      }
    }),
  );
}

async function rate(name, transfer) {
  const begun = performance.now();
  const bytes = await transfer();
  if (bytes !== TOTAL_MIB * MEBIBYTE) throw new Error(`${name}: ${bytes} bytes went through`);
  return { [name]: TOTAL_MIB / ((performance.now() - begun) / 1000) };
}

async function readFrom(box) {
  const execution = await box.exec('sh', ['-c', WRITER]);
  const bytes = await count(execution.stdout);
  await execution.wait();
  return bytes;
}

async function writeTo(box) {
  const execution = await box.exec('sh', ['-c', READER], { stdin: true });
  for (const chunk of chunks()) await execution.stdin.write(chunk);
  await execution.stdin.end();
  const { exitCode } = await execution.wait();
  if (exitCode !== 0) throw new Error(`the reader ended with status ${exitCode}`);
  return TOTAL_MIB * MEBIBYTE;
}

async function readFromChild() {
  const child = spawn('sh', ['-c', WRITER], { stdio: ['ignore', 'pipe', 'inherit'] });
  return count(child.stdout);
}

async function writeToChild() {
  const child = spawn('sh', ['-c', READER], { stdio: ['pipe', 'inherit', 'inherit'] });
  const exited = once(child, 'exit');
  for (const chunk of chunks()) if (!child.stdin.write(chunk)) await once(child.stdin, 'drain');
  child.stdin.end();
  await exited;
  return TOTAL_MIB * MEBIBYTE;
}

function* chunks() {
  for (let sent = 0; sent < TOTAL_MIB * MEBIBYTE; sent += CHUNK.length) yield CHUNK;
}

async function count(stream) {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}
