import { BoxliteError, type Jail, type SandboxContext } from '@boxlite/core';
import type { JailParts } from '@boxlite/core/testing';

/** The least that is a {@link Jail} over any sandbox. */
export function createModelJail({ sandbox, path, resourceLimits }: JailParts): Jail {
  const context: SandboxContext = {
    id: 'model',
    paths: [{ path, writable: true }],
    resourceLimits,
    networkEnabled: false,
  };
  let cgroup: { readonly cgroupDir?: string } = {};
  return {
    name: sandbox.name,
    async prepare() {
      const { available, reason, remedy } = await sandbox.isAvailable();
      if (!available) {
        throw new BoxliteError(
          'sandbox_unavailable',
          `no sandbox: ${reason}`,
          remedy === undefined ? {} : { hint: remedy },
        );
      }
      const { degradations, cgroupDir } = await sandbox.setup(context);
      cgroup = cgroupDir === undefined ? {} : { cgroupDir };
      return degradations;
    },
    command: (command) => ({ ...sandbox.apply(context, command), ...cgroup, rlimits: resourceLimits }),
    release: async () => sandbox.teardown?.(context),
  };
}

/** The jail that was switched off. */
export function createModelJailThatIsOff({ resourceLimits }: JailParts): Jail {
  return {
    name: 'none',
    prepare: async () => [],
    command: (command) => ({ ...command, pidReport: { kind: 'self' }, rlimits: resourceLimits }),
    release: async () => undefined,
  };
}
