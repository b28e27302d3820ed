import { BoxliteError } from '@boxlite/core';
import type { Box } from './box/box.js';
import type { BoxInfo } from './box/box-info.js';
import type { BoxMetrics } from './box/box-metrics.js';
import type { ExecOptions } from './exec/exec-options.js';
import { type BoxOptions, parseBoxOptions } from './options/box-options.js';
import { Boxlite } from './runtime/boxlite.js';

/** {@link BoxOptions}, and where the box lives. */
export type SimpleBoxOptions = BoxOptions & {
  /** An open runtime to use; it stays open. Default: one of the box's own, in `homeDir`. */
  readonly runtime?: Boxlite;
  /** Home of the box's own runtime. */
  readonly homeDir?: string;
};

/** Text of a finished command, decoded as UTF-8 with U+FFFD for what is not; `Box.run` gives bytes. */
export interface SimpleExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The shortest way to a box: nothing is created before the first call, and disposing stops it. Without a name it is removed then; a named one
 * is kept, and found again by a later `SimpleBox` of the same name.
 */
export class SimpleBox implements AsyncDisposable {
  readonly #options: BoxOptions;
  readonly #homeDir: string | undefined;
  readonly #givenRuntime: Boxlite | undefined;
  #opening: Promise<OpenedBox> | undefined;
  #ending: Promise<void> | undefined;

  /** @throws BoxliteError `invalid_argument` at once when an option is wrong */
  constructor(options: SimpleBoxOptions = {}) {
    const { runtime, homeDir, ...box } = options;
    parseBoxOptions(box);
    this.#options = { autoRemove: box.name === undefined && box.detach !== true, ...box };
    this.#homeDir = homeDir;
    this.#givenRuntime = runtime;
  }

  /** Runs a command to its end. A non-zero status is a result, not an error. */
  async exec(command: string, ...rest: readonly (string | ExecOptions)[]): Promise<SimpleExecResult> {
    const last = rest.at(-1);
    const options = typeof last === 'object' ? last : {};
    const args = rest.filter((argument): argument is string => typeof argument === 'string');
    const { box } = await this.#open();
    const result = await box.run(command, args, options);
    return {
      exitCode: result.exitCode,
      stdout: Buffer.from(result.stdout).toString('utf8'),
      stderr: Buffer.from(result.stderr).toString('utf8'),
    };
  }

  /** The box underneath, created by this call if need be. */
  async box(): Promise<Box> {
    return (await this.#open()).box;
  }

  async info(): Promise<BoxInfo> {
    return (await this.box()).info();
  }

  async metrics(): Promise<BoxMetrics> {
    return (await this.box()).metrics();
  }

  /** Stops the box; nothing when none was created. A box without a name is removed. Idempotent; nothing can be run afterwards. */
  stop(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #end(): Promise<void> {
    const [opened] = await Promise.allSettled(this.#opening === undefined ? [] : [this.#opening]);
    // A creation that failed has left nothing, and whoever asked for it has the error.
    if (opened === undefined || opened.status === 'rejected') return;
    const { runtime, box } = opened.value;
    try {
      await box.stop();
    } finally {
      await (this.#givenRuntime === undefined ? runtime.shutdown() : box.close());
    }
  }

  async #open(): Promise<OpenedBox> {
    if (this.#ending !== undefined) {
      throw new BoxliteError('stopped', 'this box has been stopped', {
        hint: 'make a new SimpleBox; with a name it finds the same box again',
      });
    }
    this.#opening ??= this.#create().catch((thrown: unknown) => {
      this.#opening = undefined;
      throw thrown;
    });
    return this.#opening;
  }

  async #create(): Promise<OpenedBox> {
    const runtime =
      this.#givenRuntime ?? (await Boxlite.open(this.#homeDir === undefined ? {} : { homeDir: this.#homeDir }));
    try {
      return { runtime, box: await this.#findOrCreate(runtime) };
    } catch (thrown) {
      if (this.#givenRuntime === undefined) await runtime.shutdown();
      throw thrown;
    }
  }

  async #findOrCreate(runtime: Boxlite): Promise<Box> {
    const existing = await this.#find(runtime);
    if (existing !== undefined) return existing;
    try {
      return await runtime.create(this.#options);
    } catch (thrown) {
      // Another process may have been faster.
      const theirs = BoxliteError.isInstance(thrown, 'already_exists') ? await this.#find(runtime) : undefined;
      if (theirs === undefined) throw thrown;
      return theirs;
    }
  }

  async #find(runtime: Boxlite): Promise<Box | undefined> {
    const { name } = this.#options;
    const found = name === undefined ? null : await runtime.get(name);
    // `get` also takes beginnings of ids; only the very name means "the same box".
    return found !== null && found.name === name ? found : undefined;
  }
}

interface OpenedBox {
  readonly runtime: Boxlite;
  readonly box: Box;
}
