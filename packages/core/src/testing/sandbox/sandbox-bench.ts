import assert from 'node:assert/strict';
import type { ConfinedCommand, Sandbox, SandboxContext } from '../../contracts/sandbox.js';
import { type ConfinedRun, runConfined } from '../run-confined.js';

/** What a sandbox's author provides. */
export interface SandboxConformanceSetup {
  /** A fresh sandbox. */
  create(): Sandbox;
  /** A statically linked busybox with `sh`, `cat`, `env`, `ls`, `readlink`, `touch`, `nc`, `id` and `kill`. */
  readonly busybox: string;
  /** A new empty directory the confined command's user can write to; removed by the author. Not below /tmp if the sandbox has its own. */
  makeDirectory(): Promise<string>;
  /** Default: {@link runConfined}. */
  run?(command: ConfinedCommand): Promise<ConfinedRun>;
  /** Milliseconds after which a case counts as hung; default 45 000. */
  readonly deadlineMs?: number;
}

/** What a case of the suite works with. */
export interface SandboxBench {
  readonly setup: SandboxConformanceSetup;
  readonly run: (command: ConfinedCommand) => Promise<ConfinedRun>;
  /** A context that grants the busybox, and what is added. */
  readonly contextOf: (parts: Partial<SandboxContext>) => SandboxContext;
  /** Runs busybox with arguments, from `setup` to `teardown`. */
  readonly confine: (
    parts: Partial<SandboxContext>,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<ConfinedRun>;
  /** Runs a shell script in which `b` is busybox. */
  readonly shell: (parts: Partial<SandboxContext>, script: string, ...args: string[]) => Promise<ConfinedRun>;
}

export function sandboxBench(setup: SandboxConformanceSetup): SandboxBench {
  const run = setup.run ?? ((command: ConfinedCommand) => runConfined(command));
  const contextOf = (parts: Partial<SandboxContext>): SandboxContext => ({
    id: 'conformance',
    networkEnabled: false,
    resourceLimits: {},
    ...parts,
    paths: [{ path: setup.busybox, writable: false }, ...(parts.paths ?? [])].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    ),
  });
  const confine: SandboxBench['confine'] = async (parts, args, env = {}) => {
    const sandbox = setup.create();
    const context = contextOf(parts);
    const availability = await sandbox.isAvailable();
    assert.equal(availability.available, true, `the sandbox is not available: ${availability.reason}`);
    await sandbox.setup(context);
    try {
      return await run(sandbox.apply(context, { binary: setup.busybox, args, env }));
    } finally {
      await sandbox.teardown?.(context);
    }
  };
  const shell: SandboxBench['shell'] = (parts, script, ...args) => {
    const applets = `b() { ${quote(setup.busybox)} "$@"; }\n`;
    return confine(parts, ['sh', '-c', applets + script, 'sh', ...args]);
  };
  return { setup, run, contextOf, confine, shell };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
