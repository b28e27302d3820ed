import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readHostileFile, readHostileTail } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await temporaryDirectory();
  path = join(dir, 'file');
});

describe.each([
  ['readHostileFile', readHostileFile],
  ['readHostileTail', readHostileTail],
])('%s', (_name, read) => {
  it('reads a plain file up to the bound', async () => {
    writeFileSync(path, 'hello');
    expect(Buffer.from(await read(path, 5)).toString()).toBe('hello');
    writeFileSync(path, '');
    expect(await read(path, 5)).toHaveLength(0);
  });

  it('never follows a symbolic link', async () => {
    writeFileSync(join(dir, 'secret'), 'x');
    symlinkSync(join(dir, 'secret'), path);
    await expect(read(path, 100)).rejects.toMatchObject({ code: 'permission_denied', details: { path } });
  });

  it('refuses a second name of another file', async () => {
    writeFileSync(join(dir, 'secret'), 'x');
    linkSync(join(dir, 'secret'), path);
    await expect(read(path, 100)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('refuses a FIFO without waiting for a writer', async () => {
    execFileSync('mkfifo', [path]);
    await expect(read(path, 100)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('refuses a directory, a device and a socket', async () => {
    mkdirSync(path);
    await expect(read(path, 100)).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(read('/dev/zero', 100)).rejects.toMatchObject({ code: 'permission_denied' });
    const server = createServer().listen(join(dir, 'socket'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(read(join(dir, 'socket'), 100)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('says that a missing file does not exist', async () => {
    await expect(read(path, 100)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the bound', () => {
  it('refuses a whole file that is larger', async () => {
    writeFileSync(path, 'hello!');
    await expect(readHostileFile(path, 5)).rejects.toMatchObject({ code: 'resource_exhausted' });
  });

  it('takes no memory for a sparse file of a terabyte', async () => {
    execFileSync('truncate', ['-s', '1T', path]);
    await expect(readHostileFile(path, 1024)).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect(await readHostileTail(path, 1024)).toHaveLength(1024);
  });

  it('takes the end of a log', async () => {
    writeFileSync(path, 'first line\nlast line\n');
    expect(Buffer.from(await readHostileTail(path, 10)).toString()).toBe('last line\n');
  });
});
