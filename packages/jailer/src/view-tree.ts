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

let works: Promise<boolean> | undefined;

/**
 * Has the view mounted as one tree, which bubblewrap shows in a third of the time. Only ever quicker, never more or less: undefined where it cannot be,
 * for a sandbox that takes none, a kernel before 5.12, or a system that lets none but bubblewrap make user namespaces. What is found out is kept for the
 * life of the process.
 */
export async function prepareViewTree(sandbox: Sandbox, context: SandboxContext): Promise<ViewTree | undefined> {
  if (sandbox.takesViewTree === undefined || process.platform !== 'linux') return undefined;
  const helper = handOverHelper();
  if ('reason' in helper) return undefined;
  works ??= checkHelper(helper.path, ARGS, SMALLEST_VIEW).then((reason) => reason === undefined);
  if (!(await works)) return undefined;
  return {
    context: { ...context, viewTree: { fd: HAND_OVER_FD } },
    wrap: (command) => wrapWithHelper(helper.path, ARGS, command),
  };
}
