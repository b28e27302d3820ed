import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, errnoOf } from '@boxlite/core';
import { untrustedReason } from '@boxlite/layout';
import type { CandidateList, KernelCandidate } from '../kernel-candidate.js';
import { kernelInvalid } from '../kernel-invalid.js';
import { withKernelFile } from '../read-kernel-file.js';
import { kernelCacheDirectory, lastBuild } from './build-cache.js';
import { KERNEL_TARGETS, type KernelArchitecture, parseKernelManifest } from './kernel-manifest.js';
import { kernelPackageName, resolveKernelPackage } from './kernel-package.js';

/** Environment variable that names the directory of a kernel and its `kernel.json` by absolute path. */
export const KERNEL_DIRECTORY_VARIABLE = 'BOXLITE_KERNEL_DIR';

const MANIFEST_FILE = 'kernel.json';
const MAX_MANIFEST_BYTES = 65_536;

/** What to look at. */
export interface BoxliteCandidateQuery {
  readonly directory?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resolveFrom: readonly string[];
  readonly architecture: KernelArchitecture;
}

/**
 * Lists where BoxLite's own kernel may be: the caller's choice alone if there is one, else the published package, then the user's build cache. Only the
 * manifests are read.
 * @throws BoxliteError `kernel_unavailable` with `details.chosen` when the chosen directory is no use
 */
export async function listBoxliteCandidates(query: BoxliteCandidateQuery): Promise<CandidateList> {
  const { architecture, environment } = query;
  const chosen = chosenDirectory(query);
  if (chosen !== undefined) return { candidates: [await chosenCandidate(chosen, architecture)], misses: [] };
  const candidates: KernelCandidate[] = [];
  const misses = [`${KERNEL_DIRECTORY_VARIABLE}: not set`];
  const watched: string[] = [];
  const add = async (directory: string, origin: string) => {
    watched.push(join(directory, MANIFEST_FILE));
    try {
      candidates.push(await candidateIn(directory, origin, false, architecture));
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
      misses.push(`${directory} (${origin}): ${thrown.message}`);
    }
  };
  const name = kernelPackageName(architecture);
  const published = resolveKernelPackage(name, query.resolveFrom);
  if ('directory' in published) await add(published.directory, `npm ${name}`);
  else misses.push(`npm package ${name}: ${published.problem}`);
  const cache = kernelCacheDirectory(environment);
  if (cache === undefined) {
    misses.push('build cache: neither XDG_CACHE_HOME nor HOME names one');
  } else {
    const { link, directory, problem } = await lastBuild(cache, architecture);
    watched.push(link);
    if (directory === undefined) misses.push(`${link} (build cache): ${problem}`);
    else await add(directory, 'build cache');
  }
  return { candidates, misses, watched };
}

function chosenDirectory({ directory, environment }: BoxliteCandidateQuery) {
  if (directory !== undefined) return { directory, origin: 'option directory' };
  const named = environment[KERNEL_DIRECTORY_VARIABLE];
  return named === undefined || named === '' ? undefined : { directory: named, origin: KERNEL_DIRECTORY_VARIABLE };
}

async function chosenCandidate(
  { directory, origin }: { readonly directory: string; readonly origin: string },
  architecture: KernelArchitecture,
): Promise<KernelCandidate> {
  try {
    return await candidateIn(directory, origin, true, architecture);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
    throw new BoxliteError('kernel_unavailable', `${directory} (${origin}) gives no guest kernel: ${thrown.message}`, {
      hint: `correct ${origin}: a directory with ${MANIFEST_FILE} and the kernel, as \`npm run build:kernel\` makes it`,
      cause: thrown,
      details: { ...thrown.details, path: directory, origin, chosen: true },
    });
  }
}

/** A kernel that lies there as its manifest says, and that nobody else can exchange. Its contents are looked at when it is used. */
async function candidateIn(
  directory: string,
  origin: string,
  chosen: boolean,
  architecture: KernelArchitecture,
): Promise<KernelCandidate> {
  const manifestPath = await trustedFile(join(directory, MANIFEST_FILE));
  const text = await withKernelFile(manifestPath, async (file) => file.read(), MAX_MANIFEST_BYTES);
  const { release, file, sha256, size, maxVcpus } = parseKernelManifest(
    Buffer.from(text).toString('utf8'),
    architecture,
  );
  const path = await trustedFile(join(directory, file));
  await withKernelFile(path, async ({ size: found }) => {
    if (found !== size) throw kernelInvalid('size', `${file} is ${found} bytes, ${MANIFEST_FILE} says ${size}`);
  });
  return {
    path,
    kind: KERNEL_TARGETS[architecture].kind,
    origin,
    chosen,
    sha256,
    version: release,
    ...(maxVcpus === undefined ? {} : { maxVcpus }),
  };
}

/** @returns the path with its links resolved */
async function trustedFile(path: string): Promise<string> {
  const real = await realpath(path).catch((thrown: unknown) => {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    throw kernelInvalid('path', errno === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${errno})`);
  });
  const problem = await untrustedReason(real);
  if (problem === undefined) return real;
  throw new BoxliteError('kernel_unavailable', `others could exchange it: ${problem.reason}`, {
    hint: problem.remedy,
    details: { field: 'path', path: real },
  });
}
