import { BoxliteError } from '@boxlite/core';
import type { Box } from '../box/box.js';
import type { BoxInfo } from '../box/box-info.js';
import { withinTime } from '../runtime/time-limit.js';

/** Why a box is captured, and how a machine came to go on from a capture. */
export type CaptureReason = 'snapshot' | 'fork';
export type RestoreReason = 'restore' | 'fork';

/** What a hook is told of a box that goes on from a capture. */
export interface RestoredBox {
  readonly reason: RestoreReason;
  /** Id of the box that was captured; a box that is put back is its own. */
  readonly parent: string;
  /** Name of the snapshot; null for a fork. */
  readonly snapshot: string | null;
}

/** What a hook gives a box that goes on. */
export interface RenewedSecrets {
  /** For commands started from now on, over the environment of the box's options. What processes have in memory is theirs. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Hooks of the program that embeds BoxLite: what must not be in a capture is taken out before, what must not be the same in two boxes is given anew after.
 * Each is awaited, for at most {@link BoxHooks.timeoutMs}.
 */
export interface BoxHooks {
  /**
   * Before a box is captured, while it runs as usual: commands can be run in it. Throwing refuses the capture.
   * @param box do not stop, remove, snapshot or fork it here
   */
  readonly onBeforeSnapshot?: (box: Box, about: { readonly reason: CaptureReason }) => Promise<void> | void;
  /**
   * After a machine goes on from a capture, while its processes still stand still: nothing can be run in it yet. What it gives is there before they go on.
   * Throwing ends the restore or the fork.
   */
  readonly onAfterRestore?: (
    box: BoxInfo,
    about: RestoredBox,
    // biome-ignore lint/suspicious/noConfusingVoidType: a hook that gives nothing need not return anything
  ) => Promise<RenewedSecrets | void> | RenewedSecrets | void;
  /** Milliseconds a hook may take; default 30 000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** @throws BoxliteError `timeout`; what the hook throws */
export async function beforeSnapshot(hooks: BoxHooks, box: Box, reason: CaptureReason): Promise<void> {
  const { onBeforeSnapshot } = hooks;
  if (onBeforeSnapshot !== undefined)
    await called(hooks, 'onBeforeSnapshot', async () => onBeforeSnapshot(box, { reason }));
}

/** @throws BoxliteError `timeout`, `invalid_argument` for an environment that is none; what the hook throws */
export async function afterRestore(
  hooks: BoxHooks,
  box: BoxInfo,
  about: RestoredBox,
): Promise<Readonly<Record<string, string>>> {
  const { onAfterRestore } = hooks;
  if (onAfterRestore === undefined) return {};
  const given = await called(hooks, 'onAfterRestore', async () => onAfterRestore(box, about));
  const env = given?.env ?? {};
  for (const [name, value] of Object.entries(env)) {
    if (/^[^=\0]+$/.test(name) && typeof value === 'string' && !value.includes('\0')) continue;
    throw new BoxliteError('invalid_argument', `onAfterRestore gave ${JSON.stringify(name)}, which is no variable`, {
      hint: 'give names without "=" and texts, neither with NUL',
      details: { field: 'env' },
    });
  }
  return env;
}

async function called<T>(
  { timeoutMs = DEFAULT_TIMEOUT_MS }: BoxHooks,
  name: string,
  hook: () => Promise<T>,
): Promise<T> {
  const result = await withinTime(
    hook().then((value) => ({ value })),
    timeoutMs,
  );
  if (result !== 'timeout') return result.value;
  throw new BoxliteError('timeout', `the hook ${name} took longer than ${timeoutMs / 1000} s`, {
    hint: 'let it do less, or raise hooks.timeoutMs',
    details: { field: 'hooks.timeoutMs' },
  });
}
