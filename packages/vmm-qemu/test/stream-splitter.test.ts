import { describe, expect, it } from 'vitest';
import { PAGE_BYTES, RAM_BLOCK, SectionType } from '../src/snapshot/stream-format.js';
import { StreamSplitter } from '../src/snapshot/stream-splitter.js';
import { seededRandom } from './seeded-random.js';
import {
  BLOCKS,
  command,
  devices,
  filled,
  footer,
  head,
  page,
  part,
  start,
  u8,
  u32,
  u64,
  zero,
} from './synthetic-stream.js';

const MEMORY_BYTES = BLOCKS[RAM_BLOCK] ?? 0;
/** `BOXLITE_FUZZ_SEED` repeats a run. */
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_261_122);
const FUZZED_STREAMS = 5_000;

/** What comes out of a stream, given in chunks of a size. */
function split(stream: Buffer, chunkBytes = stream.length) {
  const memory = Buffer.alloc(MEMORY_BYTES);
  const state: Buffer[] = [];
  const pages: number[] = [];
  const splitter = new StreamSplitter(
    {
      state: (bytes) => state.push(Buffer.from(bytes)),
      page: (address, bytes) => {
        pages.push(address);
        if (address + bytes.length > MEMORY_BYTES || bytes.length !== PAGE_BYTES) throw new TypeError('outside');
        memory.set(bytes, address);
      },
      zeroPage: (address) => {
        if (address + PAGE_BYTES > MEMORY_BYTES) throw new TypeError('outside');
        memory.fill(0, address, address + PAGE_BYTES);
      },
    },
    MEMORY_BYTES,
  );
  for (let offset = 0; offset < stream.length; offset += chunkBytes) {
    splitter.push(stream.subarray(offset, offset + chunkBytes));
  }
  splitter.end();
  return { memory, state: Buffer.concat(state), pages };
}

const bios = filled(0xb1);
const wholeStream = Buffer.concat([
  head(),
  start(BLOCKS),
  part([page(0, filled(1), RAM_BLOCK), zero(PAGE_BYTES), page(2 * PAGE_BYTES, filled(3)), page(0, bios, 'pc.bios')]),
  part(
    [zero(2 * PAGE_BYTES, RAM_BLOCK), page(7 * PAGE_BYTES, filled(8)), zero(3 * PAGE_BYTES, undefined, 5)],
    SectionType.END,
  ),
  devices(Buffer.from('timer and all the rest')),
]);

describe('a migration stream', () => {
  it('is taken apart into the guest’s memory and a stream with everything else, however it is cut', () => {
    const state = Buffer.concat([
      head(),
      start(BLOCKS),
      part([page(0, bios, 'pc.bios')]),
      part([], SectionType.END),
      devices(Buffer.from('timer and all the rest')),
    ]);
    const memory = Buffer.alloc(MEMORY_BYTES);
    memory.fill(1, 0, PAGE_BYTES);
    memory.fill(5, 3 * PAGE_BYTES, 4 * PAGE_BYTES);
    memory.fill(8, 7 * PAGE_BYTES);
    for (const chunkBytes of [1, 7, 4096, 5000, wholeStream.length]) {
      const result = split(wholeStream, chunkBytes);
      expect(result.state.equals(state)).toBe(true);
      expect(result.memory.equals(memory)).toBe(true);
    }
  });

  it('keeps the word of newer versions (QEMU 10.0) that the rest follows', () => {
    const end = [part([], SectionType.END), devices(Buffer.from('timer'))];
    const stream = Buffer.concat([head(), start(BLOCKS), part([zero(0, RAM_BLOCK)]), command(), ...end]);
    expect(split(stream, 3).state.equals(Buffer.concat([head(), start(BLOCKS), part([]), command(), ...end]))).toBe(
      true,
    );
  });

  it.each<[string, Buffer[]]>([
    ['another magic', [u32(0x51_45_56_4e), u32(3)]],
    ['another version', [head().subarray(0, 4), u32(4)]],
    ['no configuration', [head().subarray(0, 8), u8(SectionType.START)]],
    ['a machine type without end', [head().subarray(0, 9), u32(2 ** 31)]],
    ['a first section that is not memory', [head(), start(BLOCKS, 'dirty-bitmap')]],
    ['memory twice', [head(), start(BLOCKS), start(BLOCKS)]],
    ['more memory than the machine has', [head(), start({ ...BLOCKS, [RAM_BLOCK]: MEMORY_BYTES + PAGE_BYTES })]],
    ['less memory than the machine has', [head(), start({ ...BLOCKS, [RAM_BLOCK]: MEMORY_BYTES - PAGE_BYTES })]],
    ['no memory of the guest', [head(), start({ 'pc.bios': PAGE_BYTES })]],
    ['a block without end', [head(), start({ ...BLOCKS, huge: 2 ** 40 })]],
    ['a block that is no number of pages', [head(), start({ ...BLOCKS, odd: 17 })]],
    [
      'blocks without end',
      [head(), start(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`b${index}`, PAGE_BYTES])))],
    ],
    ['a page behind its block', [head(), start(BLOCKS), part([page(MEMORY_BYTES, filled(1), RAM_BLOCK)])]],
    ['a page far behind its block', [head(), start(BLOCKS), part([page(2 ** 60, filled(1), RAM_BLOCK)])]],
    ['a page of an unknown block', [head(), start(BLOCKS), part([page(0, filled(1), 'vga.vram')])]],
    ['a page of no block', [head(), start(BLOCKS), part([page(0, filled(1))])]],
    ['compressed pages', [head(), start(BLOCKS), u8(SectionType.PART), u32(2), u64(0x100)]],
    ['a section of another id', [head(), start(BLOCKS), u8(SectionType.PART), u32(3)]],
    ['an unknown section', [head(), start(BLOCKS), u8(9), u32(2)]],
    ['a command of postcopy', [head(), start(BLOCKS), command(5)]],
    ['a command with data', [head(), start(BLOCKS), command(undefined, u32(0))]],
    ['commands and nothing else', [head(), command(), devices(Buffer.alloc(10))]],
    ['a section without an end', [head(), start(BLOCKS).subarray(0, -5), Buffer.alloc(5, 1)]],
    ['devices without memory', [head(), devices(Buffer.alloc(10)), footer()]],
    ['an end in the middle of the memory', [wholeStream.subarray(0, wholeStream.length - 60)]],
    ['nothing', [Buffer.alloc(0)]],
  ])('with %s is refused', (_, pieces) => {
    expect(() => split(Buffer.concat(pieces))).toThrowError(expect.objectContaining({ code: 'vmm_failed' }));
  });

  it('that sends the memory again and again is refused', () => {
    const again = part(Array.from({ length: 9 }, () => page(0, filled(1), RAM_BLOCK)));
    const stream = Buffer.concat([head(), start(BLOCKS), ...Array.from({ length: 10_000 }, () => again)]);
    expect(() => split(stream)).toThrowError(/no end of memory/);
  });

  it(`spoiled in any way is refused, or gives pages of the guest alone (seed ${SEED})`, { timeout: 60_000 }, () => {
    const random = seededRandom(SEED);
    let refused = 0;
    for (let run = 0; run < FUZZED_STREAMS; run += 1) {
      const stream = Buffer.from(wholeStream.subarray(0, random(20) === 0 ? random(wholeStream.length) : undefined));
      for (let change = random(4) + 1; change > 0 && stream.length > 0; change -= 1) {
        // Mostly where structure is: most bytes are content.
        const near = [0, 9, 30, 90, 110, 4220, 4240, 8300, 12_400][random(9)] ?? 0;
        const at = Math.min(stream.length - 1, random(4) === 0 ? random(stream.length) : near + random(24));
        stream[at] = random(256);
      }
      try {
        split(stream, random(6000) + 1);
      } catch (thrown) {
        expect(thrown, `run ${run}`).toMatchObject({ code: 'vmm_failed' });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(FUZZED_STREAMS / 10);
  });
});
