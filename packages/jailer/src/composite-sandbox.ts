import {
  BoxliteError,
  type ConfinedCommand,
  type JailCommand,
  type JailLayer,
  type Sandbox,
  type SandboxContext,
} from '@boxlite/core';
import { innerContext, outerContext } from './composite-contexts.js';

/** What may be chosen about a composite. */
export interface CompositeSandboxOptions {
  /**
   * Names of members a command may do without where they are not available, which `setup` tells; `all`: it takes what there is, one at least.
   * Default none.
   */
  readonly optional?: 'all' | readonly string[];
}

/** Why a member is left out. */
interface Missing {
  readonly sandbox: Sandbox;
  readonly reason: string;
  readonly remedy?: string;
}

/**
 * Several sandboxes around one command, outermost first: `createCompositeSandbox([bwrap, landlock])` runs Landlock inside bubblewrap's view. A member
 * inside a view is not asked for what the view does (masks, links, ids), and the view shows the programs of the members inside.
 *
 * Unavailable, or refusing in `setup`, as soon as one member is that is not optional. Members must not use the same descriptors, and only one may
 * fork the command (`pidReport`); `setup` finds that out by a dry run. What was found missing is asked again at each `isAvailable` and `setup`.
 * @throws BoxliteError `invalid_argument` for an empty list, `details.field` `sandboxes`
 */
export function createCompositeSandbox(
  sandboxes: readonly Sandbox[],
  { optional = [] }: CompositeSandboxOptions = {},
): Sandbox {
  if (sandboxes.length === 0) {
    throw new BoxliteError('invalid_argument', 'a composite sandbox needs at least one member', {
      details: { field: 'sandboxes' },
    });
  }
  const isOptional = ({ name }: Sandbox) => optional === 'all' || optional.includes(name);
  let missing: readonly Missing[] = [];
  const members = () => sandboxes.filter((sandbox) => !missing.some((one) => one.sandbox === sandbox));
  const outermost = () => members()[0];
  const look = async () => {
    const found = await missingOf(sandboxes);
    const first =
      found.find(({ sandbox }) => !isOptional(sandbox)) ?? (found.length === sandboxes.length ? found[0] : undefined);
    // Without a member that is needed, a command is still made with all of them: nothing then starts less confined.
    missing = first === undefined ? found : [];
    return first;
  };
  return {
    name: sandboxes.map(({ name }) => name).join('+'),
    get programs() {
      return members().flatMap(({ programs = [] }) => programs);
    },
    get buildsView() {
      return members().find(({ buildsView }) => buildsView)?.buildsView;
    },
    get readOnlyMounts() {
      return members().find(({ readOnlyMounts }) => readOnlyMounts)?.readOnlyMounts;
    },
    get givesHostIds() {
      return members().some(({ buildsView }) => buildsView) ? undefined : outermost()?.givesHostIds;
    },
    get joinsUserNamespace() {
      return outermost()?.joinsUserNamespace;
    },
    get takesViewTree() {
      return outermost()?.takesViewTree;
    },
    async isAvailable() {
      const refusal = await look();
      if (refusal === undefined) return { available: true };
      const { sandbox, ...why } = refusal;
      return { available: false, ...why, reason: `${sandbox.name}: ${why.reason}` };
    },
    async setup(context) {
      const refusal = await look();
      if (refusal !== undefined) throw unavailable(refusal);
      checkCompatible(members(), context);
      const { degradations, layers, ...rest } = await setUp(members(), context);
      return {
        ...rest,
        degradations: [...missing.map(sentence), ...degradations],
        layers: [...layers, ...missing.flatMap(missingLayer)],
      };
    },
    apply: (context, command) => applyAll(members(), context, command),
    teardown: (context) => tearDown(members(), context),
  } as Sandbox;
}

async function missingOf(sandboxes: readonly Sandbox[]): Promise<readonly Missing[]> {
  const missing: Missing[] = [];
  for (const sandbox of sandboxes) {
    const { available, reason = 'not available', remedy } = await sandbox.isAvailable();
    if (!available) missing.push({ sandbox, reason, ...(remedy === undefined ? {} : { remedy }) });
  }
  return missing;
}

function unavailable({ sandbox, reason, remedy }: Missing): BoxliteError {
  return new BoxliteError('sandbox_unavailable', `the sandbox ${sandbox.name} cannot confine this command: ${reason}`, {
    ...(remedy === undefined ? {} : { hint: remedy }),
    details: { sandbox: sandbox.name },
  });
}

function sentence({ sandbox, reason, remedy }: Missing): string {
  return `not confined by ${sandbox.name}: ${reason}${remedy === undefined ? '' : `; ${remedy}`}`;
}

/** A member that is a layer by itself is named as one. */
function missingLayer({ sandbox, reason }: Missing): readonly JailLayer[] {
  return sandbox.name === 'landlock' ? [{ name: sandbox.name, state: 'inactive', detail: reason }] : [];
}

async function setUp(sandboxes: readonly Sandbox[], context: SandboxContext) {
  const degradations: string[] = [];
  const layers: JailLayer[] = [];
  let cgroupDir: string | undefined;
  const ready: Sandbox[] = [];
  try {
    for (const [index, sandbox] of sandboxes.entries()) {
      const result = await sandbox.setup(contextFor(sandboxes, index, context));
      ready.push(sandbox);
      degradations.push(...result.degradations);
      layers.push(...(result.layers ?? []));
      cgroupDir ??= result.cgroupDir;
    }
  } catch (thrown) {
    await tearDown(ready, context);
    throw thrown;
  }
  return { degradations, layers, ...(cgroupDir === undefined ? {} : { cgroupDir }) };
}

/** What one member is told: less inside a view, and for what is outside, the programs of those inside. */
function contextFor(sandboxes: readonly Sandbox[], index: number, context: SandboxContext): SandboxContext {
  const isInside = sandboxes.slice(0, index).some(({ buildsView }) => buildsView);
  const programs = sandboxes.slice(index + 1).flatMap(({ programs: own = [] }) => own);
  return outerContext(isInside ? innerContext(context) : context, programs);
}

function applyAll(sandboxes: readonly Sandbox[], context: SandboxContext, command: JailCommand): ConfinedCommand {
  return sandboxes.reduceRight<ConfinedCommand>(
    (inner, sandbox, index) => around(sandbox, contextFor(sandboxes, index, context), inner),
    { ...command, pidReport: { kind: 'self' } },
  );
}

/** One member around what the inner ones made; what they asked of the supervisor is kept. */
function around(sandbox: Sandbox, context: SandboxContext, inner: ConfinedCommand): ConfinedCommand {
  const outer = sandbox.apply(context, { binary: inner.binary, args: inner.args, env: inner.env });
  const dataFds = [...(outer.dataFds ?? []), ...(inner.dataFds ?? [])];
  return {
    ...inner,
    ...outer,
    pidReport: outer.pidReport.kind === 'self' ? inner.pidReport : outer.pidReport,
    ...(dataFds.length === 0 ? {} : { dataFds }),
  };
}

function checkCompatible(sandboxes: readonly Sandbox[], context: SandboxContext): void {
  const probe: JailCommand = { binary: '/probe', args: [], env: {} };
  const fds = new Set<number>();
  let forking: string | undefined;
  for (const sandbox of sandboxes) {
    const { pidReport, dataFds = [] } = sandbox.apply(context, probe);
    if (pidReport.kind !== 'self') {
      if (forking !== undefined) throw clash(forking, sandbox.name, 'both start the command as a child of their own');
      forking = sandbox.name;
    }
    for (const { fd } of dataFds) {
      if (fds.has(fd)) throw clash('another member', sandbox.name, `both use file descriptor ${fd}`);
      fds.add(fd);
    }
  }
}

function clash(first: string, second: string, why: string): BoxliteError {
  return new BoxliteError('sandbox_unavailable', `the sandboxes ${first} and ${second} cannot be combined: ${why}`, {
    hint: 'leave one of them out',
  });
}

async function tearDown(sandboxes: readonly Sandbox[], context: SandboxContext): Promise<void> {
  for (const sandbox of [...sandboxes].reverse()) await sandbox.teardown?.(context);
}
