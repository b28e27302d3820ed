import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';

const execute = promisify(execFile);
const scanScript = fileURLToPath(new URL('scan-tree.py', import.meta.url));

/** True where loop mounts, chown and device nodes work. */
export const isRoot = process.getuid?.() === 0;

/** Runs a program to its end. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

const directories: string[] = [];

/** A directory that is removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-rootfs-'));
  directories.push(directory);
  return directory;
}

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

/** What `e2fsck -fn` says about an image; rejects when it finds anything to mend. */
export async function checkFileSystem(image: string): Promise<string> {
  try {
    const { stdout } = await execute('e2fsck', ['-fn', image], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (thrown) {
    const { stdout, stderr } = thrown as { stdout: string; stderr: string };
    throw new Error(`e2fsck found damage in ${image}:\n${stdout}\n${stderr}`);
  }
}

/** Mounts an image for the time of `body`. */
export async function withMount<T>(
  image: string,
  body: (directory: string) => Promise<T>,
  options: 'ro' | 'rw' = 'ro',
): Promise<T> {
  const directory = await temporaryDirectory();
  await run('mount', '-o', `loop,${options}`, image, directory);
  try {
    return await body(directory);
  } finally {
    await run('umount', directory);
  }
}

/** A file as `scan-tree.py` sees it. */
export interface ScannedFile {
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: string;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly links?: number;
  readonly device?: string;
  readonly target?: string;
  readonly size?: number;
  readonly sha256?: string;
}

/** Every file below a directory by its path (bytes as latin1); the root's own `lost+found` is left out. */
export async function scanTree(directory: string): Promise<Record<string, ScannedFile>> {
  const lines = (await run('python3', scanScript, directory)).trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const { name, ...file } = JSON.parse(line) as ScannedFile & { name: string };
      return [Buffer.from(name, 'hex').toString('latin1') || '/', file];
    }),
  );
}

/** The tree in an image. */
export function scanImage(image: string): Promise<Record<string, ScannedFile>> {
  return withMount(image, scanTree);
}
