import { escapeLine } from '@boxlite/core';
import {
  Boxlite,
  defaultRegistry,
  type Log,
  loadPlugins,
  type PluginRegistry,
  type WantedTemplate,
} from '@boxlite/sdk';
import { configuredOptions } from '../arguments/configured-options.js';
import { environmentPlugins } from '../arguments/environment-plugins.js';
import { exitStatusOf } from '../exit-status.js';
import { formatError } from '../output/print-error.js';
import { SignalRelay } from '../terminal/signal-relay.js';
import { leaveToChild } from './template/leave-to-child.js';

/** Options before the command. */
export interface GlobalFlags {
  readonly home?: string;
  readonly debug?: boolean;
  readonly plugin?: readonly string[];
  readonly config?: string;
  readonly registry?: readonly string[];
  /** False with `--no-docker-config`. */
  readonly dockerConfig?: boolean;
}

/** What a command does with an open home. It takes over the process's signals by asking for their abort signal. */
export type HomeAction<T> = (boxlite: Boxlite, signals: SignalRelay) => Promise<T>;

/** What commands share: the runtime, error output and the exit status. */
export class CliContext {
  exitStatus = 0;
  readonly #globals: () => GlobalFlags;
  readonly #plugins: string[] = [];

  constructor(globals: () => GlobalFlags) {
    this.#globals = globals;
  }

  /** Adds plugins named after the command to those named before it. */
  addPlugins(locations: readonly string[]): void {
    this.#plugins.push(...locations);
  }

  /** Everything boxes can be made with here: what BoxLite comes with, and the plugins the user has named. */
  async registry(): Promise<PluginRegistry> {
    const { home, plugin = [] } = this.#globals();
    const registry = defaultRegistry({ homeDir: home });
    const named = [...environmentPlugins(process.env), ...plugin, ...this.#plugins];
    await loadPlugins(registry, named, home === undefined ? {} : { homeDir: home });
    return registry;
  }

  /** For `run` and `exec`: the action's result is the exit status. */
  async runsCommand(action: HomeAction<number>): Promise<void> {
    await this.#guarded(true, false, async (signals) => {
      this.exitStatus = await this.#withRuntime(signals, action);
    });
  }

  /** For everything else that needs the home. */
  async managesHome(action: HomeAction<void>, json = false): Promise<void> {
    await this.#guarded(false, json, (signals) => this.#withRuntime(signals, action));
  }

  /** For what needs no home. */
  async standsAlone(action: () => Promise<number>, json = false): Promise<void> {
    await this.#guarded(false, json, async () => {
      this.exitStatus = await action();
    });
  }

  /** Runs an action for each of several boxes, names those it was done for, reports each failure, and goes on with the rest. */
  async forEach(ids: readonly string[], action: (id: string) => Promise<void>): Promise<void> {
    await this.eachOf(ids, false, async (id) => {
      await action(id);
      process.stdout.write(`${id}\n`);
    });
  }

  /** Runs an action for each of several things, reports each failure, and goes on with the rest. */
  async eachOf(names: readonly string[], json: boolean, action: (name: string) => Promise<void>): Promise<void> {
    for (const name of names) {
      try {
        await action(name);
      } catch (thrown) {
        this.#report(thrown, false, json);
      }
    }
  }

  /** Where the home is, when the user said so. */
  get homeDir(): string | undefined {
    return this.#globals().home;
  }

  async #withRuntime<T>(signals: SignalRelay, action: HomeAction<T>): Promise<T> {
    const { home, debug } = this.#globals();
    const boxlite = await Boxlite.open({
      ...(await configuredOptions(this.#globals(), process.env)),
      registry: await this.registry(),
      ...(home === undefined ? {} : { homeDir: home }),
      log: debug === true ? debugLog : warningLog,
    });
    let left: readonly WantedTemplate[] = [];
    try {
      const result = await action(boxlite, signals);
      left = await boxlite.templates.wanted();
      return result;
    } finally {
      await boxlite.shutdown();
      leaveToChild(left, this.#globalWords());
    }
  }

  /** Of a process that goes on with the same home, configuration and plugins. */
  #globalWords(): readonly string[] {
    const { home, config, plugin = [] } = this.#globals();
    const plugins = [...plugin, ...this.#plugins].flatMap((location) => ['--plugin', location]);
    return [
      ...(home === undefined ? [] : ['--home', home]),
      ...(config === undefined ? [] : ['--config', config]),
      ...plugins,
    ];
  }

  async #guarded(runsCommand: boolean, json: boolean, action: (signals: SignalRelay) => Promise<void>): Promise<void> {
    const signals = new SignalRelay();
    try {
      await action(signals);
    } catch (thrown) {
      this.#report(thrown, runsCommand, json);
    } finally {
      this.exitStatus = signals.interruptedStatus ?? this.exitStatus;
      signals[Symbol.dispose]();
    }
  }

  #report(thrown: unknown, runsCommand: boolean, json: boolean): void {
    process.stderr.write(`${formatError(thrown, { json, debug: this.#globals().debug === true })}\n`);
    this.exitStatus = exitStatusOf(thrown, runsCommand);
  }
}

const debugLog: Log = ({ level, message, boxId, cause }) => {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  process.stderr.write(
    `boxlite: ${level === 'warn' ? 'warning' : level}: ${boxId === undefined ? '' : `${boxId}: `}${escapeLine(`${message}${reason}`)}\n`,
  );
};

/** Without `--debug` what a person has to know: that a box runs without its jail, that a volume is not as it seems. */
const warningLog: Log = (entry) => {
  if (entry.level !== 'warn' && entry.level !== 'error') return;
  // A line of progress is drawn anew.
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  debugLog(entry);
};
