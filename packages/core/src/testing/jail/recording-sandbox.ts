import type { ConfinedCommand, JailCommand, Sandbox, SandboxContext } from '../../contracts/sandbox.js';
import { BoxliteError } from '../../errors/boxlite-error.js';

/** How a {@link RecordingSandbox} behaves. */
export interface RecordingSandboxParts {
  /** Why it is not available. */
  readonly unavailable?: { readonly reason: string; readonly remedy: string };
  /** Why its `setup` refuses. */
  readonly refusal?: string;
  readonly cgroupDir?: string;
  readonly degradations?: readonly string[];
}

/** A sandbox that confines nothing and knows what it was asked. */
export interface RecordingSandbox extends Sandbox {
  readonly calls: string[];
  readonly setups: SandboxContext[];
  readonly applied: { readonly context: SandboxContext; readonly command: JailCommand }[];
  readonly teardowns: SandboxContext[];
}

/** What its `apply` puts before a command, a wrapper as every sandbox has one, and on the command's descriptors. */
export const WRAPPER = '/usr/bin/env';
export const WRAPPER_FD = 40;
const WRAPPER_BYTES = new TextEncoder().encode('of the sandbox');

export function recordingSandbox(parts: RecordingSandboxParts = {}): RecordingSandbox {
  const { unavailable, refusal, cgroupDir, degradations = [] } = parts;
  const sandbox: RecordingSandbox = {
    name: 'recording',
    calls: [],
    setups: [],
    applied: [],
    teardowns: [],
    async isAvailable() {
      sandbox.calls.push('isAvailable');
      return unavailable === undefined ? { available: true } : { available: false, ...unavailable };
    },
    async setup(context) {
      sandbox.calls.push('setup');
      if (refusal !== undefined) throw new BoxliteError('sandbox_unavailable', refusal, { hint: 'another one' });
      sandbox.setups.push(context);
      // A turn later, so that a jail that does not wait is seen.
      await new Promise((resolve) => setImmediate(resolve));
      sandbox.calls.push('setup done');
      return { degradations, ...(cgroupDir === undefined ? {} : { cgroupDir }) };
    },
    apply(context, command): ConfinedCommand {
      sandbox.applied.push({ context, command });
      return {
        binary: WRAPPER,
        args: [command.binary, ...command.args],
        env: command.env,
        pidReport: { kind: 'bubblewrap', infoFd: 41, blockFd: 42 },
        dataFds: [{ fd: WRAPPER_FD, data: WRAPPER_BYTES }],
      };
    },
    async teardown(context) {
      sandbox.calls.push('teardown');
      sandbox.teardowns.push(context);
    },
  };
  return sandbox;
}
