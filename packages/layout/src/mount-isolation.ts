/**
 * How the guest's view `shared/` comes about:
 * - `none`: `shared/` is the host-side preparation area itself;
 * - `bind`: `mounts/` is prepared, and whoever starts the VM bind-mounts it read-only on `shared/`;
 * - `symlink`: `mounts/` is prepared, and `shared` is a symbolic link to it (macOS).
 */
export type MountIsolation = 'none' | 'bind' | 'symlink';

/** What decides the isolation of a box's mounts. */
export interface MountIsolationRequest {
  /** Isolation was asked for. Default false. */
  readonly isolateMounts?: boolean;
  /** The result of `probeBindMounts`. Default false. */
  readonly bindMountsSupported?: boolean;
}

/**
 * @returns the isolation, and a warning when it was asked for and cannot be had
 */
export function resolveMountIsolation(
  request: MountIsolationRequest,
  platform: NodeJS.Platform,
): { readonly isolation: MountIsolation; readonly warning?: string } {
  if (request.isolateMounts !== true) return { isolation: 'none' };
  if (request.bindMountsSupported !== true) {
    return {
      isolation: 'none',
      warning:
        'mount isolation was asked for, but bind mounts are not supported here: shared/ is used without isolation',
    };
  }
  return { isolation: platform === 'darwin' ? 'symlink' : 'bind' };
}
