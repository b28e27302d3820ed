import { BoxliteError, escapeText } from '@boxlite/core';
import {
  Command,
  PAGE_BYTES,
  PageFlag,
  RAM_BLOCK,
  SectionType,
  STREAM_MAGIC,
  STREAM_VERSION,
} from './stream-format.js';

/** Where the two halves of a stream go. What is given is only good until the call returns. */
export interface SplitSink {
  /** The next bytes of the state. */
  state(bytes: Uint8Array): void;
  /** A page of the guest's memory with something in it. */
  page(address: number, bytes: Uint8Array): void;
  /** A page of zeroes. */
  zeroPage(address: number): void;
}

/** Other blocks of memory are firmware, 64 KiB each. What is kept of them is part of the state. */
const MAX_BLOCKS = 16;
const MAX_OTHER_BLOCK_BYTES = 16 * 1024 * 1024;
/** A page may be sent again when a device wrote to it meanwhile. With the guest at a standstill that is rare; a stream without an end is not one. */
const MAX_SENDINGS_OF_MEMORY = 4;

/** How many bytes the parser wants next; {@link REST} is as many as there are. */
type Wanted = number;
const REST = -1;

/**
 * Takes a migration stream of QEMU apart while it comes: the guest's memory page by page, and everything else, which is a stream that QEMU loads
 * over memory that is there already.
 *
 * The stream comes from a process whose guest may have taken it over: every number is checked before it is used, and no more than a page of it is
 * kept. What lies behind the memory, the state of the devices, is passed on unread.
 */
export class StreamSplitter {
  readonly #parser: Generator<Wanted, void, Buffer>;
  #wanted: Wanted;
  #pending = Buffer.alloc(0);
  #isPastMemory = false;

  /** @param memoryBytes what the guest has; a stream of another machine is refused */
  constructor(
    private readonly sink: SplitSink,
    private readonly memoryBytes: number,
  ) {
    this.#parser = this.#parse();
    this.#wanted = this.#parser.next().value ?? REST;
  }

  /** @throws BoxliteError `vmm_failed` for what is no stream of such a machine */
  push(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let offset = 0;
    while (this.#wanted !== REST && bytes.length - offset >= this.#wanted) {
      const end = offset + this.#wanted;
      this.#wanted = this.#parser.next(bytes.subarray(offset, end)).value ?? REST;
      offset = end;
    }
    if (this.#wanted === REST) {
      if (offset < bytes.length) this.sink.state(bytes.subarray(offset));
      this.#pending = Buffer.alloc(0);
    } else {
      // Copied: a small rest would keep its whole chunk.
      this.#pending = Buffer.from(bytes.subarray(offset));
    }
  }

  /** @throws BoxliteError `vmm_failed` when the stream ended before the state of the devices */
  end(): void {
    if (!this.#isPastMemory) refuse('ended before the memory was through');
  }

  *#parse(): Generator<Wanted, void, Buffer> {
    const { sink } = this;
    const header = yield 8;
    if (header.readUInt32BE(0) !== STREAM_MAGIC || header.readUInt32BE(4) !== STREAM_VERSION)
      refuse('has another head');
    sink.state(header);
    yield* this.#configuration();
    let ramId: number | undefined;
    const ram = { blocks: new Map<string, number>(), current: '', budget: this.memoryBytes * MAX_SENDINGS_OF_MEMORY };
    for (;;) {
      const [type] = yield* this.#kept(1);
      if (type === SectionType.FULL) break;
      if (type === SectionType.COMMAND) {
        yield* this.#command();
        continue;
      }
      const id = (yield* this.#kept(4)).readUInt32BE(0);
      if (type === SectionType.START) {
        const name = yield* this.#name();
        yield* this.#kept(8); // instance and version, which QEMU checks
        if (name !== 'ram' || ramId !== undefined) refuse(`begins with ${JSON.stringify(name)}`);
        ramId = id;
      } else if ((type !== SectionType.PART && type !== SectionType.END) || id !== ramId) {
        refuse(`has a section of type ${type}`);
      }
      yield* this.#memory(ram);
      const footer = yield* this.#kept(5);
      if (footer[0] !== SectionType.FOOTER || footer.readUInt32BE(1) !== id) refuse('has a section without an end');
    }
    if (ram.blocks.size === 0) refuse('has no memory');
    this.#isPastMemory = true;
  }

  *#kept(bytes: number): Generator<Wanted, Buffer, Buffer> {
    const got = yield bytes;
    this.sink.state(got);
    return got;
  }

  *#name(): Generator<Wanted, string, Buffer> {
    const [length = 0] = yield* this.#kept(1);
    return length === 0 ? '' : (yield* this.#kept(length)).toString('latin1');
  }

  /** The name of the machine type. Its subsections are of capabilities we do not turn on. */
  *#configuration(): Generator<Wanted, void, Buffer> {
    const [type] = yield* this.#kept(1);
    if (type !== SectionType.CONFIGURATION) refuse('has no configuration');
    const length = (yield* this.#kept(4)).readUInt32BE(0);
    if (length < 1 || length > 255) refuse(`has a machine type of ${length} bytes`);
    yield* this.#kept(length);
  }

  /** Passed on: the QEMU that loads the state knows it. Those with data are of capabilities we do not turn on. */
  *#command(): Generator<Wanted, void, Buffer> {
    const words = yield* this.#kept(4);
    const [command, dataBytes] = [words.readUInt16BE(0), words.readUInt16BE(2)];
    if (command !== Command.SWITCHOVER_START || dataBytes !== 0) refuse(`has a command ${command}`);
  }

  /** The records of one section, up to the one that ends it. */
  *#memory(ram: {
    readonly blocks: Map<string, number>;
    current: string;
    budget: number;
  }): Generator<Wanted, void, Buffer> {
    for (;;) {
      const head = yield 8;
      const low = head.readUInt32BE(4);
      const address = head.readUInt32BE(0) * 2 ** 32 + (low - (low % PAGE_BYTES));
      const flags = low % PAGE_BYTES;
      if (flags === PageFlag.END) {
        this.sink.state(head);
        return;
      }
      if (flags === PageFlag.BLOCKS) {
        this.sink.state(head);
        yield* this.#blocks(address, ram.blocks);
        continue;
      }
      const kind = flags & ~PageFlag.CONTINUE;
      if (kind !== PageFlag.PAGE && kind !== PageFlag.ZERO) refuse(`has a record with flags ${flags}`);
      if (flags === kind) {
        const [length = 0] = yield 1;
        ram.current = length === 0 ? '' : (yield length).toString('latin1');
      }
      const size = ram.blocks.get(ram.current);
      if (size === undefined) refuse(`has a page of the unknown block ${JSON.stringify(ram.current)}`);
      if (address + PAGE_BYTES > size) refuse(`has a page at ${address} of ${size} bytes`);
      const content = yield kind === PageFlag.PAGE ? PAGE_BYTES : 1;
      ram.budget -= PAGE_BYTES;
      if (ram.budget < -MAX_OTHER_BLOCK_BYTES * MAX_BLOCKS) refuse('has no end of memory');
      if (ram.current === RAM_BLOCK) this.#guestPage(address, kind, content);
      else this.#otherPage(address, kind, ram.current, content);
    }
  }

  #guestPage(address: number, kind: number, content: Buffer): void {
    if (kind === PageFlag.PAGE) this.sink.page(address, content);
    else if (content[0] === 0) this.sink.zeroPage(address);
    else this.sink.page(address, Buffer.alloc(PAGE_BYTES, content[0]));
  }

  /** Firmware stays where it is. Each record names its block: the one before it may be gone. */
  #otherPage(address: number, kind: number, block: string, content: Buffer): void {
    const head = Buffer.alloc(9);
    head.writeUInt32BE(Math.floor(address / 2 ** 32), 0);
    head.writeUInt32BE((address % 2 ** 32) + kind, 4);
    head.writeUInt8(block.length, 8);
    this.sink.state(Buffer.concat([head, Buffer.from(block, 'latin1'), content]));
  }

  *#blocks(total: number, blocks: Map<string, number>): Generator<Wanted, void, Buffer> {
    if (blocks.size > 0) refuse('lists its memory twice');
    let listed = 0;
    while (listed < total) {
      const name = yield* this.#name();
      const size = yield* this.#kept(8);
      const bytes = size.readUInt32BE(0) * 2 ** 32 + size.readUInt32BE(4);
      const limit = name === RAM_BLOCK ? this.memoryBytes : MAX_OTHER_BLOCK_BYTES;
      const fits = name === RAM_BLOCK ? bytes === limit : bytes <= limit;
      if (!fits || bytes === 0 || bytes % PAGE_BYTES !== 0 || blocks.has(name) || blocks.size === MAX_BLOCKS) {
        refuse(
          `has a block ${JSON.stringify(name)} of ${bytes} bytes, and the machine's memory is ${this.memoryBytes}`,
        );
      }
      blocks.set(name, bytes);
      listed += bytes;
    }
    if (listed !== total || !blocks.has(RAM_BLOCK)) refuse('does not list the memory of the machine');
  }
}

function refuse(what: string): never {
  throw new BoxliteError('vmm_failed', `QEMU's stream ${escapeText(what)}`, {
    hint: 'use a version of QEMU that this was tested with (package README, "Snapshots"); stop the box and start it again',
  });
}
