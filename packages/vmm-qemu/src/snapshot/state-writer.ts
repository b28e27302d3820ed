import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { BoxliteError } from '@boxlite/core';
import { encodeTrailer, type MachineShape } from './state-trailer.js';
import { writeAll } from './write-all.js';

/** A machine of 16 processors and six disks has 400 KiB; what a disk has under way is at most 128 requests of 1 MiB. */
const MAX_STATE_BYTES = 256 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** Writes the state and, behind it, what it is (see `state-trailer.ts`). */
export class StateWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #position = 0;
  #total = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Takes a copy. @throws BoxliteError `vmm_failed` when it is more than any state is */
  add(bytes: Uint8Array): void {
    this.#total += bytes.length;
    if (this.#total > MAX_STATE_BYTES) {
      throw new BoxliteError('vmm_failed', `the state of QEMU's devices is more than ${MAX_STATE_BYTES} bytes`, {
        hint: 'stop the box and start it again',
      });
    }
    this.#gathered.push(Buffer.from(bytes));
    this.#gatheredBytes += bytes.length;
  }

  async settle(): Promise<void> {
    if (this.#gatheredBytes >= CHUNK_BYTES) await this.#write();
  }

  async finish(shape: MachineShape): Promise<void> {
    await this.#write();
    const trailer = encodeTrailer({ ...shape, stateBytes: this.#position, sha256: this.#hash.digest('hex') });
    await writeAll(this.#file, trailer, this.#position);
  }

  async #write(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#hash.update(bytes);
    await writeAll(this.#file, bytes, this.#position);
    this.#position += bytes.length;
  }
}
