import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerRegistry } from '../../packages/images/test/docker-registry.js';
import { sampleImage } from '../../packages/images/test/sample-image.js';
import { heldRegistry } from '../support/held-registry.js';
import { cliOnTerminal } from '../support/on-terminal.js';
import { runCli, spawnCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
beforeAll(async () => {
  home = await temporaryHome();
});
afterAll(() => home.end());

const cli = (...args: string[]) => runCli(args, { home: home.home });
/** Of layers that a held registry does not send whole. */
const HELD_BYTES = 3_000_000;
const stagedFiles = async () => (await readdir(join(home.home, 'tmp'))).filter((name) => /^\d+-/.test(name));

/** A registry with one image of two layers. */
async function imageOnRegistry(name: string, layerBytes = 200_000) {
  const registry = await startDockerRegistry();
  const image = await sampleImage({ name, layerBytes });
  await registry.push(image.reference, `${name}:1`);
  return { registry, image, path: `${name}:1` };
}

describe('boxlite pull', () => {
  it('tells a log in plain lines on stderr what it fetches, and only the result on stdout', async () => {
    const { registry, image, path } = await imageOnRegistry('plain');
    const reference = `${registry.host}/${path}`;
    const first = await cli('pull', reference);
    expect(first.status).toBe(0);
    expect(first.stdout.toString()).toBe(`${reference}\n  ${image.manifestDigest}, 2 layers\n`);
    const lines = first.stderr.split('\n');
    expect(lines[0]).toBe(`${reference}: resolving`);
    expect(lines.filter((line) => /^[0-9a-f]{12}: downloading 200\.\d kB$/.test(line))).toHaveLength(2);
    expect(lines.filter((line) => /^[0-9a-f]{12}: done$/.test(line))).toHaveLength(2);
    expect(lines.at(-2)).toMatch(/: 2 layers, 400\.\d kB, 400\.\d kB of it downloaded$/);
    expect(first.stderr).not.toContain('\x1b');

    const second = await cli('pull', reference);
    expect(second.stderr).toMatch(/^[0-9a-f]{12}: already here$/m);
    expect(second.stderr).toMatch(/, all of it was here\n$/);
  });

  it('prints one document with --json, only an id with -q, and nothing on stderr with either', async () => {
    const { registry, image, path } = await imageOnRegistry('documents');
    const document = await cli('pull', '--json', `${registry.host}/${path}`);
    expect(document).toMatchObject({ status: 0, stderr: '' });
    const pulled = JSON.parse(document.stdout.toString());
    expect(pulled).toMatchObject({ reference: `${registry.host}/${path}`, manifestDigest: image.manifestDigest });
    const quiet = await cli('image', 'pull', '-q', `${registry.host}/${path}`);
    expect(quiet).toMatchObject({ status: 0, stderr: '' });
    expect(quiet.stdout.toString()).toBe(`${pulled.configDigest}\n`);
  });

  it('tells a program its progress in lines of JSON with --progress json', async () => {
    const { registry, path } = await imageOnRegistry('lines');
    const { status, stderr } = await cli('pull', '--progress', 'json', `${registry.host}/${path}`);
    expect(status).toBe(0);
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events[0]).toEqual({ kind: 'resolve' });
    expect(events.at(-1)).toMatchObject({ kind: 'done' });
    expect(events.at(-2).image).toMatchObject({ layers: 2, layersDone: 2 });
  });

  it('fetches the image of another platform with --platform, and lists what there is for a wrong one', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage({ name: 'arm', platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } });
    await registry.push(image.reference, 'arm:1', ['--all']);
    const reference = `${registry.host}/arm:1`;
    const { stdout } = await cli('pull', '--json', '--platform', 'linux/arm64', reference);
    expect(JSON.parse(stdout.toString()).platform).toMatchObject({ os: 'linux', architecture: 'arm64' });
    const wrong = await cli('pull', '--json', '--platform', 'linux/s390x', reference);
    expect([wrong.status, JSON.parse(wrong.stderr).error.code]).toEqual([1, 'platform_mismatch']);
    const malformed = await cli('pull', '--platform', 'amiga/68000', reference);
    expect([malformed.status, malformed.stderr]).toEqual([1, expect.stringMatching(/hint: write --platform linux/)]);
  });

  it('refuses a kind of progress there is none of', async () => {
    expect((await cli('pull', '--progress', 'loud', 'x')).status).toBe(2);
  });

  it('shows a live bar on a terminal, which is gone when the image is there', async () => {
    const { registry, image, path } = await imageOnRegistry('bar', HELD_BYTES);
    const held = await heldRegistry(registry.host);
    const reference = `${held.host}/${path}`;
    const terminal = cliOnTerminal(['pull', reference], { home: home.home, rows: 30, columns: 100 });
    await terminal.shows('downloading   [');
    await terminal.shows('0 of 2 layers');
    terminal.resize(30, 50);
    await terminal.shows('0 of 2 layers');
    held.release();
    const { status, shown, restored } = await terminal.ended;
    expect([status, restored]).toEqual([0, true]);
    // Whatever was drawn was erased to the end of the screen before the result was written.
    const [, result = ''] = shown.split(/\x1b\[J(?!.*\x1b\[J)/s);
    expect(result.replaceAll('\r', '')).toBe(`${reference}\n  ${image.manifestDigest}, 2 layers\n`);
  });

  it('draws no line that a terminal would wrap, however narrow', async () => {
    const { registry, path } = await imageOnRegistry('narrow', HELD_BYTES);
    const held = await heldRegistry(registry.host);
    const terminal = cliOnTerminal(['pull', `${held.host}/${path}`], { home: home.home, rows: 10, columns: 30 });
    await terminal.shows('downloading');
    held.release();
    const { shown } = await terminal.ended;
    const drawn = shown.slice(0, shown.lastIndexOf('\x1b[J')).split(/\r|\n|\x1b\[\d*[AJK]/);
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThan(30);
  });

  it('is ended by Ctrl-C with status 130, takes its bar away and leaves nothing half', async () => {
    const { registry, path } = await imageOnRegistry('cancelled', HELD_BYTES);
    const held = await heldRegistry(registry.host);
    const terminal = cliOnTerminal(['pull', `${held.host}/${path}`], { home: home.home });
    await terminal.shows('downloading');
    terminal.type('\x03');
    const { status, shown, restored } = await terminal.ended;
    expect([status, restored]).toEqual([130, true]);
    expect(shown.slice(shown.lastIndexOf('\x1b[J'))).toMatch(/^\x1b\[Jboxlite: .* aborted\r\n/);
    expect(await stagedFiles()).toEqual([]);
    expect((await cli('images', '-q')).stdout.toString()).not.toContain(held.host);
    held.release();
    expect((await cli('pull', '-q', `${held.host}/${path}`)).status).toBe(0);
  });

  it('is ended by SIGTERM without a terminal with 143, and as JSON if asked for', async () => {
    const { registry, path } = await imageOnRegistry('terminated', HELD_BYTES);
    const held = await heldRegistry(registry.host);
    const child = spawnCli(['pull', '--json', '--progress', 'json', `${held.host}/${path}`], { home: home.home });
    let stderr = '';
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk;
        if (/"bytes":[1-9]/.test(stderr)) resolve();
      });
    });
    child.kill('SIGTERM');
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(143);
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.code).toBe('aborted');
    expect(await stagedFiles()).toEqual([]);
  });

  it('goes through the registries of --config and --registry', async () => {
    const { registry, path } = await imageOnRegistry('searched');
    const { writeFile } = await import('node:fs/promises');
    const config = join(home.home, 'config.json');
    await writeFile(config, JSON.stringify({ registries: [{ host: registry.host, transport: 'https' }] }));
    expect((await cli('--registry', registry.host, 'pull', '-q', path)).status).toBe(0);
    const configured = await cli('--config', config, '--registry', registry.host, 'pull', '--json', path);
    expect(JSON.parse(configured.stderr).error.code).toBe('network_unavailable');
    await writeFile(config, JSON.stringify({ registries: [{ host: registry.host, search: true }] }));
    const env = { BOXLITE_CONFIG: config };
    expect((await runCli(['pull', '-q', path], { home: home.home, env })).status).toBe(0);
    expect((await cli('--config', '/no/such/file', 'images')).stderr).toMatch(/does not exist\n {2}hint: /);
  });
});

describe('--pull', () => {
  it('never does without a network, also for a box that was created with it', async () => {
    const missing = await cli('run', '--rm', '--pull', 'never', '127.0.0.1:9/never/pulled', 'true');
    expect(missing.status).toBe(125);
    expect(missing.stderr).toMatch(/is not in the cache/);
    const id = (await cli('create', '--pull', 'never', '127.0.0.1:9/never/pulled')).stdout.toString().trim();
    const started = await cli('start', id);
    expect([started.status, started.stderr]).toEqual([1, expect.stringMatching(/is not in the cache/)]);
    await cli('rm', id);
  });

  it('always asks the registry, also when the image is here', async () => {
    const { registry, path } = await imageOnRegistry('always');
    expect((await cli('pull', '-q', `${registry.host}/${path}`)).status).toBe(0);
    await registry.stop();
    const asked = await cli('run', '--rm', '--pull', 'always', `${registry.host}/${path}`, 'true');
    expect([asked.status, asked.stderr]).toEqual([125, expect.stringMatching(new RegExp(registry.host))]);
  });

  it('takes nothing else', async () => {
    expect((await cli('create', '--pull', 'sometimes', 'x')).status).toBe(2);
    expect((await cli('run', '--pull', 'sometimes', 'x')).status).toBe(125);
  });
});
