import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxImage } from '../support/oci-fixtures.js';
import { REPOSITORY, runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
let plugin: string;
let rival: string;

/** A source whose references are names on a shelf of layouts; `prefix` is all that tells two of them apart. */
function shelfPlugin(id: string, shelf: string): string {
  return `
import { createLocalImageSource } from '${REPOSITORY}/packages/images/dist/index.js';
const local = createLocalImageSource();
const layout = (reference) => 'oci:${shelf}/' + reference.slice('shelf:'.length);
export default {
  kind: 'image-source',
  id: '${id}',
  specificationVersion: 'v1',
  probe: async () => ({ available: true }),
  create: () => ({
    id: '${id}',
    accepts: (reference) => reference.startsWith('shelf:'),
    async resolve(reference, options) {
      return { ...(await local.resolve(layout(reference), options)), reference };
    },
    openLayer: (image, layer, signal) => local.openLayer({ ...image, reference: layout(image.reference) }, layer, signal),
  }),
};
`;
}

beforeAll(async () => {
  home = await temporaryHome();
  await mkdir(join(home.home, 'shelf'));
  busyboxImage(join(home.home, 'shelf', 'busybox'));
  plugin = join(home.home, 'shelf.mjs');
  rival = join(home.home, 'rival.mjs');
  await writeFile(plugin, shelfPlugin('shelf', join(home.home, 'shelf')));
  await writeFile(rival, shelfPlugin('rival', join(home.home, 'shelf')));
});
afterAll(() => home.end());

const cli = (...args: string[]) => runCli(args, { home: home.home });

describe("a stranger's image source", () => {
  it('gives its images to every command that is told of it', async () => {
    const pulled = await cli('pull', '--json', '--plugin', plugin, 'shelf:busybox');
    expect(JSON.parse(pulled.stdout.toString())).toMatchObject({ reference: 'shelf:busybox' });
    expect((await cli('images', '-q')).stdout.toString()).toBe('shelf:busybox\n');
    const inspected = await cli('image', 'inspect', '--plugin', plugin, 'shelf:busybox');
    expect(JSON.parse(inspected.stdout.toString())).toMatchObject([{ config: { workingDir: '/work' } }]);
    const unloaded = await cli('image', 'inspect', 'shelf:busybox');
    expect([unloaded.status, JSON.parse(unloaded.stderr).error.code]).toEqual([1, 'image_not_found']);
  });

  it('has its images run in boxes, which remember where they came from', { timeout: 240_000 }, async () => {
    const ran = await cli('run', '--rm', '--plugin', plugin, 'shelf:busybox', '--', 'sh', '-c', 'echo $GREETING');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout.toString()).toBe('hello\n');
    const id = (await cli('create', '--plugin', plugin, 'shelf:busybox')).stdout.toString().trim();
    const unloaded = await cli('start', id);
    expect(unloaded.status).toBe(1);
    expect(unloaded.stderr).toContain('"shelf:busybox"');
    expect(unloaded.stderr).toContain(`hint: load it with --plugin ${plugin}`);
    await cli('rm', id);
    expect((await cli('rmi', 'shelf:busybox')).stdout.toString()).toMatch(/^removed shelf:busybox, .*freed\n$/);
  });

  it('and another that takes the same reference are an error naming both, and no box is made', async () => {
    const both = ['--plugin', plugin, '--plugin', rival];
    for (const args of [
      ['pull', ...both, 'shelf:busybox'],
      ['create', ...both, 'shelf:busybox'],
    ]) {
      const { status, stderr } = await cli(...args);
      expect(status, args[0]).toBe(1);
      expect(stderr).toContain(`several image sources take "shelf:busybox": shelf (${plugin}), rival (${rival})`);
      expect(stderr).toMatch(/\n {2}hint: load one of them only/);
    }
    expect((await cli('ls', '-q')).stdout.toString()).toBe('');
    // What they do not claim is nobody's concern.
    const other = await cli('pull', '--json', ...both, 'oci:/no/such/layout');
    expect(JSON.parse(other.stderr).error.code).toBe('image_not_found');
  });
});
