import { createRequire } from 'node:module';
import { BoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';

/** What the addon says about a library (native/addon/krun-addon.cc). */
export interface KrunInspection {
  /** The file the loader took. */
  readonly loadedPath: string;
  /** Those of the functions asked for that the library has. */
  readonly symbols: readonly string[];
  /** Of each feature asked for: 1, 0, or a negative error number; null where the library cannot say (before 1.17.3). */
  readonly features: readonly number[] | null;
  /** A count or a negative error number; null where the library cannot say (before 1.16). */
  readonly maxVcpus: number | null;
}

/** The native addon. It loads a library and asks it what it can do; it never makes a machine. */
export interface KrunAddon {
  /**
   * @param path absolute
   * @param symbols names that start with `krun_`
   * @param features numbers of `krun_has_feature`
   * @throws Error with code `ERR_DLOPEN_FAILED` and the loader's words; TypeError and RangeError for wrong arguments
   */
  inspect(path: string, symbols: readonly string[], features: readonly number[]): KrunInspection;
}

/**
 * The addon of this machine's platform package, or of `native/build` in a source checkout.
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function krunAddonPath(): string {
  return nativeBinary('krun.node');
}

/**
 * Loads the addon. Node.js keeps it, so this costs something only the first time.
 * @throws BoxliteError `vmm_unavailable` when it is not there, or is made for another system
 */
export function loadKrunAddon(path: string = krunAddonPath()): KrunAddon {
  try {
    const addon: unknown = createRequire(import.meta.url)(path);
    if (isKrunAddon(addon)) return addon;
  } catch (thrown) {
    throw addonUnavailable(path, thrown);
  }
  throw addonUnavailable(path, undefined);
}

function isKrunAddon(value: unknown): value is KrunAddon {
  return typeof value === 'object' && value !== null && 'inspect' in value && typeof value.inspect === 'function';
}

function addonUnavailable(path: string, cause: unknown): BoxliteError {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  const isMissing = code === 'MODULE_NOT_FOUND';
  const why = isMissing ? 'there is no such file' : cause instanceof Error ? cause.message : 'it is not the addon';
  return new BoxliteError(
    'vmm_unavailable',
    `the addon that looks into libkrun cannot be loaded from ${path}: ${why}`,
    {
      hint: isMissing
        ? 'install the package for this platform (npm install --include=optional), or build it: npm run build'
        : 'it is built for another system: install the package for this one again, or build it: npm run build',
      cause,
      details: { field: 'addonPath', path },
    },
  );
}
