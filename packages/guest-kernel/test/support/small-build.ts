import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PVH_ELF_IMAGE_OFFSET, pvhElfHeader } from '@boxlite/guest-kernel';
import { LOAD_ADDRESS, smallKernelImage } from './small-library.js';

/** A vmlinux of three pages: what is looked for in one is there. */
export function smallVmlinux(release = '6.1.99-boxlite'): Buffer {
  const image = smallKernelImage({ banner: `Linux version ${release} (nobody@nowhere) #1` });
  const entry = LOAD_ADDRESS + 0x123;
  const header = pvhElfHeader({ loadAddress: LOAD_ADDRESS, entry, pvhEntry: entry, imageBytes: image.length });
  const bytes = Buffer.concat([header, image]);
  if (header.length !== PVH_ELF_IMAGE_OFFSET) throw new Error('the header is a page');
  return bytes;
}

/** An arm64 `Image` of two pages. */
export function smallArm64Image(release = '6.1.99-boxlite'): Buffer {
  const image = smallKernelImage({ banner: `Linux version ${release} (nobody@nowhere) #1` });
  image.fill(0, 0, 64);
  image.writeBigUInt64LE(BigInt(image.length + 4096), 16);
  image.write('ARM\x64', 56, 'latin1');
  return image;
}

/** Options of {@link writeBuild}. */
export interface BuildOptions {
  readonly release?: string;
  readonly architecture?: 'x86_64' | 'arm64';
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly bytes?: Uint8Array;
  /** Bytes behind the kernel, to make it as large as a real one. */
  readonly padding?: number;
}

/** A kernel and its `kernel.json`, as the build program leaves them. */
export async function writeBuild(directory: string, options: BuildOptions = {}): Promise<Buffer> {
  const { release = '6.1.99-boxlite', architecture = 'x86_64' } = options;
  const file = architecture === 'arm64' ? 'Image' : 'vmlinux';
  const small = architecture === 'arm64' ? smallArm64Image(release) : smallVmlinux(release);
  const kernel = Buffer.concat([small, Buffer.alloc(options.padding ?? 0)]);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, file), options.bytes ?? kernel);
  const sha256 = createHash('sha256').update(kernel).digest('hex');
  const manifest = { format: 1, name: 'boxlite', release, architecture, file, sha256, size: kernel.length };
  await writeFile(join(directory, 'kernel.json'), JSON.stringify({ ...manifest, maxVcpus: 64, ...options.manifest }));
  return kernel;
}

/** A user's build cache with one kernel in it. @param cacheHome what `XDG_CACHE_HOME` says @returns the kernel's directory */
export async function writeCache(cacheHome: string, key = 'a'.repeat(64), options: BuildOptions = {}): Promise<string> {
  const cache = join(cacheHome, 'boxlite', 'kernel');
  await writeBuild(join(cache, key), options);
  await symlink(key, join(cache, `latest-${options.architecture ?? 'x86_64'}`));
  return join(cache, key);
}
