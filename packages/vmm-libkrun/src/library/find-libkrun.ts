import { readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import type { LibkrunLibrary } from './libkrun-library.js';

const PACKAGE = '@earendil-works/gondolin-krun-runner-linux-x64';

/** Where to look for libkrun. */
export interface FindLibkrunOptions {
  /** Absolute path of `libkrun.so.1`; nothing else is looked at then. */
  readonly libraryPath?: string;
  /** Directories searched for the library. */
  readonly libraryDirectories?: readonly string[];
  /** Directories from which the pinned npm package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
}

/**
 * Finds a libkrun and what it exports.
 * @throws BoxliteError `vmm_unavailable` naming the places looked at
 */
export async function findLibkrun(options: FindLibkrunOptions = {}): Promise<LibkrunLibrary> {
  const path = await realpath(options.libraryPath ?? packaged()).catch((thrown: unknown) => {
    throw unavailable(thrown);
  });
  // Names of a string table stand between NUL characters.
  const text = (await readFile(path)).toString('latin1');
  const symbols = new Set([...text.matchAll(/\0(krun_[a-z0-9_]+)(?=\0)/g)].map(([, name]) => name ?? ''));
  return {
    path,
    version: /libkrun\.so\.(\d+\.\d+\.\d+)$/.exec(path)?.[1],
    symbols,
    hasFeature: (name) =>
      name === 'net' || name === 'blk'
        ? symbols.has(`krun_add_${name === 'net' ? 'net_unixstream' : 'disk2'}`)
        : undefined,
    maxVcpus: undefined,
  };
}

function packaged(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
    return join(dirname(manifest), 'lib', 'libkrun.so.1');
  } catch (thrown) {
    throw unavailable(thrown);
  }
}

function unavailable(cause: unknown): BoxliteError {
  return new BoxliteError('vmm_unavailable', 'there is no libkrun on this machine', {
    hint: `install the npm package ${PACKAGE}, or give the library in option libraryPath`,
    cause,
    details: { field: 'libraryPath' },
  });
}
