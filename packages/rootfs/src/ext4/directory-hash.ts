import type { ByteString } from '../tree/image-node.js';

const K2 = 0x5a827999;
const K3 = 0x6ed9eba1;
/** The end marker of a hash walk may not be the hash of a name (EXT4_HTREE_EOF_32BIT). */
const END_OF_WALK = 0x7fffffff;

/** Position of a name in an indexed directory. */
export interface NameHash {
  /** Even; the lowest bit means "continues the block before" in index entries. */
  readonly major: number;
  readonly minor: number;
}

/**
 * ext4's half-MD4 directory hash over unsigned characters (fs/ext4/hash.c).
 * @param seed the four words of the superblock's hash seed
 */
export function directoryHash(name: ByteString, seed: readonly [number, number, number, number]): NameHash {
  const state: [number, number, number, number] = [...seed];
  const words = new Array<number>(8).fill(0);
  for (let at = 0; at < name.length; at += 32) {
    fillWords(name, at, words);
    transform(state, words);
  }
  let major = state[1] & ~1;
  if (major >>> 0 === (END_OF_WALK << 1) >>> 0) major = (END_OF_WALK - 1) << 1;
  return { major: major >>> 0, minor: state[2] >>> 0 };
}

/** Packs up to 32 characters big-endian into eight words; missing ones are padded with the remaining length. */
function fillWords(name: ByteString, start: number, words: number[]): void {
  const left = name.length - start;
  const count = Math.min(left, 32);
  const padByte = left & 0xff;
  const pad = padByte | (padByte << 8) | (padByte << 16) | (padByte << 24);
  let word = 0;
  let value = pad;
  for (let index = 0; index < count; index++) {
    value = name.charCodeAt(start + index) + (value << 8);
    if (index % 4 === 3) {
      words[word++] = value | 0;
      value = pad;
    }
  }
  if (word < 8) words[word++] = value | 0;
  while (word < 8) words[word++] = pad;
}

type Mix = (x: number, y: number, z: number) => number;

const choose: Mix = (x, y, z) => z ^ (x & (y ^ z));
const majority: Mix = (x, y, z) => ((x & y) + ((x ^ y) & z)) | 0;
const parity: Mix = (x, y, z) => x ^ y ^ z;

/** Each round: its function, constant, the order of the words and the four shifts. */
const ROUNDS: readonly (readonly [Mix, number, readonly number[], readonly number[]])[] = [
  [choose, 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]],
  [majority, K2, [1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13]],
  [parity, K3, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]],
];

function transform(state: [number, number, number, number], words: readonly number[]): void {
  let [a, b, c, d] = state;
  for (const [mix, constant, order, shifts] of ROUNDS) {
    for (let step = 0; step < 8; step++) {
      const shift = shifts[step % 4] as number;
      const sum = (a + mix(b, c, d) + (words[order[step] as number] as number) + constant) | 0;
      // The four registers take turns: what was d is updated next.
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    }
  }
  state[0] = (state[0] + a) | 0;
  state[1] = (state[1] + b) | 0;
  state[2] = (state[2] + c) | 0;
  state[3] = (state[3] + d) | 0;
}
