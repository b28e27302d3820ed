import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** File systems that share blocks between files, with what makes them. */
export const CLONING_FILE_SYSTEMS = ['btrfs', 'xfs'] as const;
/** xfs takes no less. */
const IMAGE_BYTES = 512 * 2 ** 20;

/** A mounted file system of a test's own. */
export interface LoopFileSystem {
  readonly directory: string;
  unmount(): void;
}

/** Why a file system cannot be mounted here; undefined when it can. */
export function whyNotMountable(type: (typeof CLONING_FILE_SYSTEMS)[number]): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  try {
    execFileSync(`mkfs.${type}`, ['-V'], { stdio: 'ignore' });
  } catch (thrown) {
    return `mkfs.${type} is missing: ${String(thrown)}`;
  }
  const known = execFileSync('cat', ['/proc/filesystems'], { encoding: 'utf8' });
  return new RegExp(`\\b${type}$`, 'm').test(known) ? undefined : `this kernel has no ${type}`;
}

/** Makes and mounts one over a file; its owner unmounts it. */
export function mountLoopFileSystem(type: (typeof CLONING_FILE_SYSTEMS)[number]): LoopFileSystem {
  const home = mkdtempSync(join(tmpdir(), `${type}-`));
  const image = join(home, 'image');
  const directory = mkdtempSync(join(home, 'mounted-'));
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  execFileSync(`mkfs.${type}`, ['-q', image]);
  execFileSync('mount', ['-t', type, '-o', 'loop', image, directory]);
  return {
    directory,
    unmount() {
      execFileSync('umount', [directory]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
