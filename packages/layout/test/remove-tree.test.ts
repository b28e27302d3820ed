import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { emptyDirectory, removeTree } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const EXCHANGE = fileURLToPath(new URL('../../../test/support/exchange-names.py', import.meta.url));
const linux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;

let base: string;
let precious: string;
let tree: string;

beforeEach(async () => {
  base = await temporaryDirectory();
  precious = join(base, 'precious');
  tree = join(base, 'tree');
  mkdirSync(precious);
  for (let index = 0; index < 8; index += 1) writeFileSync(join(precious, `file${index}`), 'kept');
  mkdirSync(tree);
});

/** Exchanges pairs of names again and again, in a process of its own, until the test is over. */
async function exchanging(names: readonly string[]): Promise<void> {
  const child = spawn('python3', [EXCHANGE, '20', ...names], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}

describe('removing what a VMM could write', () => {
  it('removes a whole tree, and finds a missing one fine', async () => {
    mkdirSync(join(tree, 'a', 'b'), { recursive: true });
    writeFileSync(join(tree, 'a', 'b', 'c'), '');
    execFileSync('mkfifo', [join(tree, 'a', 'pipe')]);
    await removeTree(tree);
    await removeTree(tree);
    await removeTree(join(tree, 'below', 'nothing'));
    expect(existsSync(tree)).toBe(false);
  });

  it('removes a link, not what it names', async () => {
    symlinkSync(precious, join(tree, 'link'));
    await removeTree(join(tree, 'link'));
    symlinkSync(precious, join(base, 'top'));
    await removeTree(join(base, 'top'));
    expect(readdirSync(precious)).toHaveLength(8);
    expect(readdirSync(tree)).toEqual([]);
  });

  it.runIf(linux)('never removes a file through a directory that is swapped for a link while it works', async () => {
    // The directory is wide, so that the exchange falls into the time it takes to remove it; a hundred tries, each another moment.
    for (let round = 0; round < 100; round += 1) {
      const victim = join(tree, `v${round}`);
      mkdirSync(victim);
      for (let index = 0; index < 8; index += 1) writeFileSync(join(victim, `file${index}`), '');
      symlinkSync(precious, join(base, `link${round}`));
    }
    await exchanging(
      Array.from({ length: 100 }, (_, round) => [join(tree, `v${round}`), join(base, `link${round}`)]).flat(),
    );
    // With somebody still at it the removal may give up; what it must not do is to reach outside.
    await removeTree(tree).catch(() => undefined);
    expect(readdirSync(precious)).toHaveLength(8);
  });

  it.runIf(linux)('never changes the mode of a file, which may be a volume of the user by another name', async () => {
    const volume = join(precious, 'file0');
    chmodSync(volume, 0o400);
    mkdirSync(join(tree, 'closed', 'below'), { recursive: true });
    linkSync(volume, join(tree, 'closed', 'volume'));
    writeFileSync(join(tree, 'closed', 'below', 'x'), '');
    chmodSync(join(tree, 'closed', 'below'), 0);
    chmodSync(join(tree, 'closed'), 0);
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
    expect(statSync(volume).mode & 0o777).toBe(0o400);
  });

  it.runIf(linux && isRoot)(
    'stops at a mount, also one of the same file system, and removes nothing in it',
    async () => {
      const point = join(tree, 'a', 'mounted');
      mkdirSync(point, { recursive: true });
      execFileSync('mount', ['--bind', precious, point]);
      onTestFinished(() => void execFileSync('umount', [point]));
      await expect(removeTree(tree)).rejects.toMatchObject({ code: 'invalid_state', details: { name: 'mounted' } });
      expect(readdirSync(precious)).toHaveLength(8);
    },
  );

  it.runIf(linux)('ends, with an error that says so, while a process keeps filling it', async () => {
    const child = spawn(
      'sh',
      ['-c', 'echo go; i=0; while :; do i=$((i+1)); mkdir -p "$0/d$i" 2>/dev/null; done', join(tree, 'busy')],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const outcome = await removeTree(join(tree, 'busy')).then(
      () => undefined,
      (thrown: { code?: string }) => thrown.code,
    );
    // It may win by chance; what matters is that it comes to an end.
    expect([undefined, 'storage_error']).toContain(outcome);
  });
});

describe('emptying a directory', () => {
  it('leaves the directory and the names that are to stay', async () => {
    mkdirSync(join(tree, 'a'));
    writeFileSync(join(tree, 'kept'), '');
    symlinkSync(precious, join(tree, 'link'));
    await emptyDirectory(tree, (name) => name === 'kept');
    expect(readdirSync(tree)).toEqual(['kept']);
    expect(readdirSync(precious)).toHaveLength(8);
    await emptyDirectory(join(tree, 'missing'));
  });
});
