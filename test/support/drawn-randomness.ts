import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Box } from '@boxlite/sdk';

const SOURCE = fileURLToPath(new URL('randomness-probe.c', import.meta.url));
/** Where a box has the probe, what it is to write there when it was captured while it waited, and what waits for that. */
const PROBE = '/usr/local/bin/randomness-probe';
const EARLIER = '/tmp/drawn';
/** Two keys are taken for one when what the probe says of them differs by no more than this, in units of 64 ns: 10 ms, where a call takes less than one. */
const SAME_KEY = 10_000_000 / 64;

/** What the probe says, by name. */
export type Drawn = Readonly<Record<string, string>>;

/** Puts the probe into a running box, starts one that waits for a fork, and opens connections: what a kernel draws at the first of them it has then. */
export async function awaitForks(box: Box): Promise<void> {
  await install(box);
  await text(box, `${PROBE} && { ${PROBE} ${EARLIER} > /tmp/waiting 2>&1 & } && until [ -s /tmp/waiting ]; do :; done`);
}

/** What a box draws that was just started. */
export async function drawnAtOnce(box: Box): Promise<Drawn> {
  await install(box);
  return parse(await text(box, PROBE));
}

async function install(box: Box): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-randomness-'));
  try {
    const program = join(directory, 'probe');
    await promisify(execFile)('musl-gcc', [
      '-static',
      '-D_GNU_SOURCE',
      '-O1',
      '-Wall',
      '-Werror',
      '-o',
      program,
      SOURCE,
    ]);
    const receive = `mkdir -p ${PROBE.slice(0, PROBE.lastIndexOf('/'))} && cat > ${PROBE} && chmod 755 ${PROBE}`;
    await text(box, receive, await readFile(program));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** What a fork has drawn: in a process that ran before (`earlier …`), whose connection went on, and in a new one. */
export async function drawnBy(fork: Box): Promise<Drawn> {
  const waiting = `until [ -e ${EARLIER} ] || ! pidof randomness-probe > /dev/null; do :; done`;
  return {
    ...parse(await text(fork, `${waiting}; cat ${EARLIER}`), 'earlier '),
    ...parse(await text(fork, PROBE)),
  };
}

/** The share of all pairs whose keys are one. With keys of their own two of 27 000 look so. */
export function shareOfEqualKeys(keys: readonly string[]): number {
  const numbers = keys.map((key) => Number.parseInt(key, 16));
  let equal = 0;
  for (const [index, one] of numbers.entries()) {
    for (const other of numbers.slice(0, index)) {
      const distance = (one - other) >>> 0;
      if (Math.min(distance, 2 ** 32 - distance) <= SAME_KEY) equal += 1;
    }
  }
  return equal / ((numbers.length * (numbers.length - 1)) / 2);
}

function parse(lines: string, prefix = ''): Drawn {
  return Object.fromEntries(
    lines
      .trim()
      .split('\n')
      .map((line) => [prefix + line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
  );
}

async function text(box: Box, script: string, input?: Uint8Array): Promise<string> {
  const { exitCode, stdout, stderr } = await box.run('sh', ['-c', script], input === undefined ? {} : { input });
  if (exitCode === 0) return Buffer.from(stdout).toString();
  throw new Error(`${script} ended with status ${exitCode}: ${Buffer.from(stdout)}${Buffer.from(stderr)}`);
}
