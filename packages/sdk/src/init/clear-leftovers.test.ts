import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { clearLeftovers } from './clear-leftovers.js';

let base: string;
let box: { socketsDir: string; agentSocket: string; tmpDir: string };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-left-'));
  box = { socketsDir: join(base, 'sockets'), agentSocket: '/short/box.sock', tmpDir: join(base, 'tmp') };
  mkdirSync(box.socketsDir);
  mkdirSync(box.tmpDir);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('what an earlier VMM left where it may write', () => {
  it.each([
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a directory that holds something', (path: string) => mkdirSync(join(path, 'x'), { recursive: true })],
    ['a link to another socket', (path: string) => symlinkSync('/run/docker.sock', path)],
  ])("%s in the place of the agent's socket is removed: the box can start again", async (_what, make) => {
    make(join(box.socketsDir, 'box.sock'));
    await clearLeftovers(box);
    expect(readdirSync(box.socketsDir)).toEqual([]);
  });

  it("is removed but for the agent's socket, which somebody may serve", async () => {
    const server = createServer().listen(join(box.socketsDir, 'box.sock'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    writeFileSync(join(box.socketsDir, 'net.sock'), '');
    writeFileSync(join(box.tmpDir, 'large'), '');
    await clearLeftovers(box);
    expect(readdirSync(box.socketsDir)).toEqual(['box.sock']);
    expect(lstatSync(join(box.socketsDir, 'box.sock')).isSocket()).toBe(true);
    expect(readdirSync(box.tmpDir)).toEqual([]);
  });
});
