import type { ConfinedCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { checkHelper, HAND_OVER_FD, handOverHelper, wrapWithHelper } from './hand-over-helper.js';

/** A view mounted before the sandbox is started. */
export interface ViewTree {
  readonly context: SandboxContext;
  /** Puts the helper in front of what the sandbox has made. */
  wrap(command: ConfinedCommand): ConfinedCommand;
}

const ARGS = ['--view', String(HAND_OVER_FD)];
/** One directory: whether a view can be mounted is the same for all of them. */
const SMALLEST_VIEW = new TextEncoder().encode('e/proc\0');

let trial: Promise<string | undefined> | undefined;

/**
 * Has the view mounted as one tree, which bubblewrap shows in a third of the time, and stricter: what may be written can neither be executed nor mapped to
 * be, and what the host mounts later stays out. Whether that works is found out once in the life of the process.
 * @returns why it does not: a kernel before 5.12, or a system that lets none but bubblewrap make user namespaces; undefined for a sandbox that takes none
 */
export async function prepareViewTree(
  sandbox: Sandbox,
  context: SandboxContext,
): Promise<ViewTree | { readonly reason: string } | undefined> {
  if (sandbox.takesViewTree === undefined || process.platform !== 'linux') return undefined;
  const helper = handOverHelper();
  if ('reason' in helper) return helper;
  trial ??= checkHelper(helper.path, ARGS, SMALLEST_VIEW);
  const reason = await trial;
  if (reason !== undefined) return { reason };
  return {
    context: { ...context, viewTree: { fd: HAND_OVER_FD } },
    wrap: (command) => wrapWithHelper(helper.path, ARGS, command),
  };
}
