import { BoxliteError } from '@boxlite/core';

/**
 * Where the files of a guest's root come from. Plain data, so that it can be stored and sent.
 *
 * - `direct`: a directory of the caller's. Used as it is, never written to, never cleaned.
 * - `extracted`: so many layers unpacked into one directory.
 * - `overlay-mount`: an overlay mounted at the path.
 * - `disk`: an ext4 image owned by the cache. `devicePath` (`/dev/vdb`) is unset until it is attached.
 */
export type GuestRootfsStrategy =
  | { readonly kind: 'direct' }
  | { readonly kind: 'extracted'; readonly layers: number }
  | {
      readonly kind: 'overlay-mount';
      /** Top first, as the kernel's `lowerdir` lists them. */
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
    }
  | { readonly kind: 'disk'; readonly diskPath: string; readonly devicePath?: string };

/** What a guest boots from. Serializable. */
export interface GuestRootfs {
  /** Absolute: the directory, the merged directory, or the disk. */
  readonly path: string;
  readonly strategy: GuestRootfsStrategy;
  /** A kernel that belongs to this rootfs. */
  readonly kernel?: string;
  readonly initrd?: string;
  /** Of the agent; the caller's, no part of any cache key. */
  readonly env: Readonly<Record<string, string>>;
}

/** A {@link GuestRootfs} with defaults left out. */
export interface GuestRootfsInput extends Omit<GuestRootfs, 'strategy' | 'env'> {
  /** Default: direct. */
  readonly strategy?: GuestRootfsStrategy;
  /** Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Fills in the defaults: strategy direct, empty environment. */
export function createGuestRootfs(input: GuestRootfsInput): GuestRootfs {
  return { ...input, strategy: input.strategy ?? { kind: 'direct' }, env: input.env ?? {} };
}

/** The same rootfs, attached as a device of the guest. @throws BoxliteError `invalid_argument` when it is no disk */
export function attachedAs(rootfs: GuestRootfs, devicePath: string): GuestRootfs {
  if (rootfs.strategy.kind !== 'disk') throw invalid('strategy', `a ${rootfs.strategy.kind} rootfs cannot be attached`);
  return { ...rootfs, strategy: { ...rootfs.strategy, devicePath } };
}

/**
 * Reads a rootfs back from stored or received JSON.
 * @throws BoxliteError `invalid_argument` with the offending field
 */
export function parseGuestRootfs(value: unknown): GuestRootfs {
  const input = record(value, 'guestRootfs');
  const env = input.env === undefined ? {} : record(input.env, 'env');
  for (const [name, setting] of Object.entries(env)) text(setting, `env.${name}`);
  return {
    path: text(input.path, 'path'),
    strategy: input.strategy === undefined ? { kind: 'direct' } : parseStrategy(record(input.strategy, 'strategy')),
    env: env as Record<string, string>,
    ...(input.kernel === undefined ? {} : { kernel: text(input.kernel, 'kernel') }),
    ...(input.initrd === undefined ? {} : { initrd: text(input.initrd, 'initrd') }),
  };
}

function parseStrategy(input: Readonly<Record<string, unknown>>): GuestRootfsStrategy {
  switch (input.kind) {
    case 'direct':
      return { kind: 'direct' };
    case 'extracted':
      if (!Number.isSafeInteger(input.layers)) throw invalid('strategy.layers', 'it must be a whole number');
      return { kind: 'extracted', layers: input.layers as number };
    case 'overlay-mount':
      if (!Array.isArray(input.lower)) throw invalid('strategy.lower', 'it must be a list of paths');
      return {
        kind: 'overlay-mount',
        lower: input.lower.map((path, index) => text(path, `strategy.lower.${index}`)),
        upper: text(input.upper, 'strategy.upper'),
        work: text(input.work, 'strategy.work'),
      };
    case 'disk':
      return {
        kind: 'disk',
        diskPath: text(input.diskPath, 'strategy.diskPath'),
        ...(input.devicePath === undefined ? {} : { devicePath: text(input.devicePath, 'strategy.devicePath') }),
      };
    default:
      throw invalid('strategy.kind', 'it must be direct, extracted, overlay-mount or disk');
  }
}

function record(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(field, 'it must be an object');
}

function text(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(field, 'it must be a text');
}

function invalid(field: string, reason: string): BoxliteError {
  return new BoxliteError('invalid_argument', `guest rootfs ${field}: ${reason}`, {
    hint: 'pass what createGuestRootfs or GuestRootfsManager returned',
    details: { field },
  });
}
