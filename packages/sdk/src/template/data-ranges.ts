import { spawn } from 'node:child_process';
import { BoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';

/** The first byte of a part of a file that holds data, and the byte after its last. */
export type DataRange = readonly [number, number];

const RECORD_BYTES = 16;

/**
 * Which parts of a sparse file hold data: reading a hole costs as much as reading a file, and fills the page cache.
 * @param fd the open file
 * @returns the whole file where the program that asks the kernel is not there or cannot tell
 */
export async function dataRanges(fd: number, size: number): Promise<readonly DataRange[]> {
  const whole: readonly DataRange[] = size === 0 ? [] : [[0, size]];
  const program = programPath();
  if (program === undefined) return whole;
  return new Promise((resolve) => {
    const child = spawn(program, [], { stdio: [fd, 'pipe', 'ignore'], env: {} });
    const pieces: Buffer[] = [];
    child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    child.on('error', () => resolve(whole));
    child.on('close', (status) => resolve((status === 0 ? parseRanges(Buffer.concat(pieces)) : undefined) ?? whole));
  });
}

/** Pairs of little-endian 64-bit numbers, as `boxlite-data-map` writes them; undefined when they make no sense. */
export function parseRanges(output: Buffer): readonly DataRange[] | undefined {
  if (output.length % RECORD_BYTES !== 0) return undefined;
  const ranges: DataRange[] = [];
  let last = 0;
  for (let at = 0; at < output.length; at += RECORD_BYTES) {
    const start = Number(output.readBigUInt64LE(at));
    const end = Number(output.readBigUInt64LE(at + 8));
    if (start < last || end <= start || !Number.isSafeInteger(end)) return undefined;
    ranges.push([start, end]);
    last = end;
  }
  return ranges;
}

function programPath(): string | undefined {
  try {
    return nativeBinary('boxlite-data-map');
  } catch (thrown) {
    // Not built or not installed: holes are read as the zeros they are.
    if (BoxliteError.isInstance(thrown)) return undefined;
    throw thrown;
  }
}
