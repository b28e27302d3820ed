import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { buildImageDisk } from '../../src/index.js';
import { openFiles } from '../support/leaks.js';
import type { FuzzCase } from './fuzz-case.js';

/** How an archive may fail. Anything else, `internal` above all, is a bug. */
const ALLOWED = new Set(['layer_invalid', 'layer_escapes', 'resource_exhausted']);
/** Of the processor for a case; the slowest takes some tens of milliseconds. The disk may be as slow as it likes. */
const MAX_CASE_MS = 5000;
/** Every so many cases run a second time in pieces of another size, and must end the same. */
const REPEAT_INTERVAL = 50;
/** So often is looked for descriptors left open. */
const LEAK_INTERVAL = 500;

export interface FuzzOutcomes {
  built: number;
  refused: number;
  /** Errors by code and field. */
  readonly reasons: Record<string, number>;
}

export interface FuzzRunnerOptions {
  /** An empty directory, best on a tmpfs: each disk is made durable. */
  readonly directory: string;
  /** Judges every so-many-th disk. */
  readonly checkInterval: number;
  readonly check: (disk: string) => Promise<unknown>;
}

/** Runs cases one after the other and throws what proves a bug, with the seed to see it again. */
export class FuzzRunner {
  readonly outcomes: FuzzOutcomes = { built: 0, refused: 0, reasons: {} };
  readonly #options: FuzzRunnerOptions;
  readonly #images: string;
  #cases = 0;
  #openFiles: readonly string[] = [];

  private constructor(options: FuzzRunnerOptions) {
    this.#options = options;
    this.#images = join(options.directory, 'images');
  }

  static async create(options: FuzzRunnerOptions): Promise<FuzzRunner> {
    const runner = new FuzzRunner(options);
    await mkdir(runner.#images);
    await writeFile(join(options.directory, 'bystander'), 'untouched');
    runner.#openFiles = await openFiles();
    return runner;
  }

  async run(fuzzCase: FuzzCase): Promise<void> {
    try {
      const started = process.cpuUsage();
      const isRepeated = ++this.#cases % REPEAT_INTERVAL === 0;
      const ending = await this.#convert(fuzzCase, fuzzCase.pieceBytes, isRepeated);
      const { user, system } = process.cpuUsage(started);
      const took = (user + system) / 1000;
      if (took > MAX_CASE_MS) throw new Error(`it took ${Math.round(took)} ms of the processor`);
      if (isRepeated) {
        const again = await this.#convert(fuzzCase, 1 + (fuzzCase.pieceBytes % 997), true);
        if (again !== ending) throw new Error(`in other pieces it ends with ${again} instead of ${ending}`);
      }
      if (this.#cases % LEAK_INTERVAL === 0) await this.checkLeaks();
    } catch (thrown) {
      throw new Error(`fuzz seed ${fuzzCase.seed}: ${thrown instanceof Error ? thrown.message : thrown}`, {
        cause: thrown,
      });
    }
  }

  /** @throws Error when a file is still open or something outside the directory of images was touched */
  async checkLeaks(): Promise<void> {
    const left = (await openFiles()).filter((path) => !this.#openFiles.includes(path));
    if (left.length > 0) throw new Error(`still open: ${left.join(', ')}`);
    const bystander = await readFile(join(this.#options.directory, 'bystander'), 'utf8');
    if (bystander !== 'untouched') throw new Error('a file outside was written');
  }

  /** Returns how it ended: the error, or the disk and its digest if wanted. */
  async #convert({ layers, options }: FuzzCase, pieceBytes: number, isHashed: boolean): Promise<string> {
    const target = join(this.#images, 'disk.ext4');
    let ending: string;
    try {
      await buildImageDisk({ ...options, layers: layers.map((layer) => inPieces(layer, pieceBytes)), target });
      ending = `a disk${isHashed ? ` ${await digestOf(target)}` : ''}`;
      if (++this.outcomes.built % this.#options.checkInterval === 0) await this.#options.check(target);
      await this.#expectOnly(['disk.ext4']);
      await rm(target);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown) || !ALLOWED.has(thrown.code)) throw thrown;
      ending = `${thrown.code} ${String(thrown.details.field)}`;
      this.outcomes.refused++;
      this.outcomes.reasons[ending] = (this.outcomes.reasons[ending] ?? 0) + 1;
      await this.#expectOnly([]);
    }
    return ending;
  }

  async #expectOnly(names: readonly string[]): Promise<void> {
    const found = await readdir(this.#images);
    const around = (await readdir(this.#options.directory)).sort();
    if (found.join() !== names.join()) throw new Error(`beside the disk there is ${found.join(', ')}`);
    if (around.join() !== 'bystander,images') throw new Error(`around the images there is ${around.join(', ')}`);
  }
}

async function* inPieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
