import assert from 'node:assert/strict';
import type { ConfinedCommand, Sandbox, SandboxContext } from '../../contracts/sandbox.js';
import { rejectsWith } from '../rejects-with.js';
import { type ConfinedRun, runConfined } from '../run-confined.js';

/**
 * What a sandbox may be unable to do, where the contract lets it refuse: to hide what lies below a grant, to keep a path read-only below a writable
 * one, to make links, to give the command the ids asked for.
 */
export type SandboxInability = 'hide' | 'read-only-below-writable' | 'links' | 'ids';

/** The member of the context a refusal names. */
const FIELDS: Readonly<Record<SandboxInability, keyof SandboxContext>> = {
  hide: 'maskedPaths',
  'read-only-below-writable': 'paths',
  links: 'symlinks',
  ids: 'runAs',
};

/** What a sandbox's author provides. */
export interface SandboxConformanceSetup {
  /** A fresh sandbox. */
  create(): Sandbox;
  /** A statically linked busybox with `sh`, `cat`, `env`, `ls`, `readlink`, `touch`, `nc`, `id` and `kill`. */
  readonly busybox: string;
  /** A new empty directory the confined command's user can write to; removed by the author. Not below /tmp if the sandbox has its own. */
  makeDirectory(): Promise<string>;
  /** What it cannot do: the suite then shows that `setup` refuses it. Default: nothing. */
  readonly refuses?: readonly SandboxInability[];
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
  /** The same for a context that needs an ability; undefined where the author says it is refused, once it was. */
  readonly shellUnlessRefused: (
    ability: SandboxInability,
    parts: Partial<SandboxContext>,
    script: string,
    ...args: string[]
  ) => Promise<ConfinedRun | undefined>;
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
  const shellUnlessRefused: SandboxBench['shellUnlessRefused'] = async (ability, parts, script, ...args) => {
    if (setup.refuses?.includes(ability) !== true) return shell(parts, script, ...args);
    const sandbox = setup.create();
    await sandbox.isAvailable();
    const error = await rejectsWith(sandbox.setup(contextOf(parts)), 'sandbox_unavailable');
    assert.equal(error.details.field, FIELDS[ability], 'the refusal names the member of the context');
    assert.ok(error.hint !== undefined, 'the hint says what to do');
    return undefined;
  };
  return { setup, run, contextOf, confine, shell, shellUnlessRefused };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
