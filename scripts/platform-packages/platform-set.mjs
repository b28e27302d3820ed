import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What the loader knows, so that packing, checking and loading cannot disagree. */
const LOADER = join(ROOT, 'packages/platform/dist/index.js');
if (!existsSync(LOADER)) throw new Error(`${LOADER} does not exist: run npm run build first`);
export const { BUILT_TARGETS, NATIVE_BINARIES, NATIVE_BINARY_NAMES, PLATFORM_MANIFEST_PATH, PLATFORM_TARGETS } =
  await import(LOADER);

/** Directory of a target's platform package in this checkout. */
export const packageDirectory = (target) => join(ROOT, 'packages', `platform-${target}`);

/** The oldest C and C++ libraries a set must run with: glibc of RHEL 9 and Ubuntu 22.04, libstdc++ of GCC 11. */
export const NEWEST_SYMBOL_VERSIONS = { GLIBC: '2.34', GLIBCXX: '3.4.29', CXXABI: '1.3.13', GCC: '7.0.0' };

/** What an ELF file of each target says of itself (System V ABI supplements; binutils' default loader of each). */
export const ELF_TARGETS = {
  'linux-x64': { machine: 62, interpreter: '/lib64/ld-linux-x86-64.so.2', pageBytes: 4096 },
  // Kernels with pages of 64 KiB load only segments that are aligned to them.
  'linux-arm64': { machine: 183, interpreter: '/lib/ld-linux-aarch64.so.1', pageBytes: 65536 },
};
