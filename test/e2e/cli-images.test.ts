import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerRegistry } from '../../packages/images/test/docker-registry.js';
import { type FixtureImage, layeredImage } from '../support/oci-fixtures.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const SCRIPT = 'cat /layers/changed; ls /layers/hidden; ls /layers/removed';
const OUTPUT = 'upper\nabove\n';

let home: TemporaryHome;
let image: FixtureImage;

beforeAll(async () => {
  home = await temporaryHome();
  image = layeredImage(join(home.home, 'layered'));
});

afterAll(async () => {
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });
const json = async (...args: string[]) => JSON.parse((await cli(...args)).stdout.toString());

describe('the images boxlite runs', () => {
  it('are OCI layouts', async () => {
    const result = await cli('run', '--rm', image.reference, '--', 'sh', '-c', SCRIPT);
    expect(result.stdout.toString()).toBe(OUTPUT);
    expect(result).toMatchObject({ status: 1, stderr: 'ls: /layers/removed: No such file or directory\n' });
  });

  it('are OCI archives', async () => {
    const archive = join(home.home, 'layered.tar');
    execFileSync('skopeo', ['copy', '-q', `oci:${image.directory}:latest`, `oci-archive:${archive}`]);
    const result = await cli('run', '--rm', `oci-archive:${archive}`, 'sh', '-c', SCRIPT);
    expect(result.stdout.toString()).toBe(OUTPUT);
  });

  it('come from a registry, by tag and by digest, are listed, and run without it afterwards', async () => {
    const registry = await startDockerRegistry();
    await registry.push(`oci:${image.directory}:latest`, 'team/layered:1.0');
    const reference = `${registry.host}/team/layered:1.0`;
    const pulled = await json('pull', '--json', reference);
    expect(pulled.manifestDigest).toBe(image.manifestDigest);
    expect((await cli('pull', '-q', reference)).stdout.toString()).toBe(`${pulled.configDigest}\n`);

    const result = await cli('run', '--rm', reference, 'sh', '-c', SCRIPT);
    expect(result.stdout.toString()).toBe(OUTPUT);
    const byDigest = await cli('run', '--rm', `${registry.host}/team/layered@${image.manifestDigest}`, 'true');
    expect(byDigest).toMatchObject({ status: 0, stderr: '' });

    const listed = (await json('images', '--json')) as { reference: string; manifestDigest: string }[];
    expect(listed.find((entry) => entry.reference === reference)?.manifestDigest).toBe(image.manifestDigest);
    expect((await cli('images', '-q')).stdout.toString().split('\n')).toContain(reference);
    expect((await cli('images')).stdout.toString()).toMatch(/^IMAGE +ID +SIZE +CACHED\n/);
    await registry.stop();
    expect(await cli('run', '--rm', reference, 'true')).toMatchObject({ status: 0, stderr: '' });
  });

  it('that a registry does not have are told apart from a registry that does not answer', async () => {
    const registry = await startDockerRegistry();
    const missing = await cli('pull', '--json', `${registry.host}/no/such:image`);
    expect([missing.status, JSON.parse(missing.stderr).error.code]).toEqual([1, 'image_not_found']);
    await registry.stop();
    const silent = await cli('pull', '--json', `${registry.host}/no/such:image`);
    expect([silent.status, JSON.parse(silent.stderr).error.code]).toEqual([1, 'network_unavailable']);
  });
});
