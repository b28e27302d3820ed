import { link, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenForStream } from './stream-listener.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-stream-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A socket nobody listens on any more: another name of one that was closed. */
async function deadSocket(name: string): Promise<void> {
  const server = createServer().listen(join(directory, 'closed'));
  await new Promise((resolve) => server.once('listening', resolve));
  await link(join(directory, 'closed'), join(directory, name));
  await new Promise((resolve) => server.close(resolve));
}

describe('listenForStream', () => {
  it('removes sockets of captures whose process was killed, and nothing else', async () => {
    for (const name of ['00ff12.ram', 'box.sock', 'x00ff12.ram']) await deadSocket(name);
    await writeFile(join(directory, 'abcdef.ram'), 'no socket');
    await using listener = await listenForStream(join(directory, 'box.sock'));
    const own = listener.path.slice(directory.length + 1);
    expect((await readdir(directory)).sort()).toEqual(['abcdef.ram', 'box.sock', own, 'x00ff12.ram'].sort());
  });

  it('leaves the socket of another capture of this process, which goes on, and none of its own behind', async () => {
    const first = await listenForStream(join(directory, 'box.sock'));
    const second = await listenForStream(join(directory, 'box.sock'));
    expect(await readdir(directory)).toHaveLength(2);
    const got: Buffer[] = [];
    const received = first.receive(async (chunk) => void got.push(chunk), new AbortController().signal);
    connect(first.path).end('memory');
    await received;
    expect(Buffer.concat(got).toString()).toBe('memory');
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual([]);
  });
});
