import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';

/** Of the superblock. */
const MAGIC_OFFSET = 1024 + 0x38;
const MAGIC = 0xef53;

const execute = promisify(execFile);
/** Lists a tree, see {@link readScan}. */
export const scanScript = fileURLToPath(new URL('scan-tree.py', import.meta.url));

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

/** Every file system that a test has made, whatever it was about, must be one in which e2fsck finds nothing to mend. */
afterEach(async () => {
  try {
    for (const directory of directories)
      for (const image of await fileSystemsBelow(directory)) await checkFileSystem(image);
  } finally {
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
  }
});

/** Finished images: those of tests about other things may be a few bytes with the name of one, or none of ours. */
async function fileSystemsBelow(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ext4')) continue;
    const path = join(entry.parentPath, entry.name);
    const file = await open(path);
    try {
      const { buffer } = await file.read(Buffer.alloc(2), 0, 2, MAGIC_OFFSET);
      if (buffer.readUInt16LE() === MAGIC) found.push(path);
    } finally {
      await file.close();
    }
  }
  return found;
}

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
  /** On another file system than the root of the tree; nothing else is known of it then. */
  readonly elsewhere?: true;
}

/** Every file below a directory by its path (bytes as latin1); the root's own `lost+found` is left out. */
export async function scanTree(directory: string): Promise<Record<string, ScannedFile>> {
  return readScan(await run('python3', scanScript, directory));
}

/** What `scan-tree.py` printed, by path. */
export function readScan(output: string): Record<string, ScannedFile> {
  const lines = output.trim().split('\n');
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
