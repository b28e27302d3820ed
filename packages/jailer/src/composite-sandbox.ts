import { BoxliteError, type ConfinedCommand, type JailCommand, type Sandbox, type SandboxContext } from '@boxlite/core';

/**
 * Several sandboxes around one command, outermost first: `createCompositeSandbox([bwrap, landlock])` runs Landlock inside bubblewrap's view.
 *
 * Unavailable, or refusing in `setup`, as soon as one member is. Members must not use the same descriptors, and only one may
 * fork the command (`pidReport`); `setup` finds that out by a dry run.
 * @throws BoxliteError `invalid_argument` for an empty list
 */
export function createCompositeSandbox(sandboxes: readonly Sandbox[]): Sandbox {
  if (sandboxes.length === 0) {
    throw new BoxliteError('invalid_argument', 'a composite sandbox needs at least one member', {
      details: { field: 'sandboxes' },
    });
  }
  const apply = (context: SandboxContext, command: JailCommand): ConfinedCommand =>
    sandboxes.reduceRight<ConfinedCommand>((inner, sandbox) => around(sandbox, context, inner), {
      ...command,
      pidReport: { kind: 'self' },
    });
  return {
    name: sandboxes.map((sandbox) => sandbox.name).join('+'),
    async isAvailable() {
      for (const sandbox of sandboxes) {
        const answer = await sandbox.isAvailable();
        if (!answer.available) return { ...answer, reason: `${sandbox.name}: ${answer.reason ?? 'not available'}` };
      }
      return { available: true };
    },
    async setup(context) {
      checkCompatible(sandboxes, context);
      const degradations: string[] = [];
      let cgroupDir: string | undefined;
      const ready: Sandbox[] = [];
      try {
        for (const sandbox of sandboxes) {
          const result = await sandbox.setup(context);
          ready.push(sandbox);
          degradations.push(...result.degradations);
          cgroupDir ??= result.cgroupDir;
        }
      } catch (thrown) {
        await tearDown(ready, context);
        throw thrown;
      }
      return { degradations, ...(cgroupDir === undefined ? {} : { cgroupDir }) };
    },
    apply,
    teardown: (context) => tearDown(sandboxes, context),
  };
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
