import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerRegistry } from '../../packages/images/test/docker-registry.js';
import { sampleImage } from '../../packages/images/test/sample-image.js';
import { accessibleRepository } from '../support/accessible-repository.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { runCli } from '../support/run-cli.js';
import { removeHome } from '../support/temporary-home.js';

const NOBODY = 65534;

describe.skipIf(process.getuid?.() !== 0)('the images of an ordinary user (needs root to become one)', () => {
  let repository: ReturnType<typeof accessibleRepository>;
  let home: string;
  const output = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli(args, { home, user: 'nobody', root: repository.root });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };

  beforeAll(async () => {
    repository = accessibleRepository('nobody');
    home = await mkdtemp(join(tmpdir(), 'boxlite-user-'));
    await chown(home, NOBODY, NOBODY);
  });
  afterAll(async () => {
    repository.release();
    await expectNothingLeft(home).finally(() => removeHome(home));
  });

  it('are pulled, listed, saved, removed, loaded, measured and pruned', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    await registry.push(image.reference, 'mine:1');
    const reference = `${registry.host}/mine:1`;
    await output('pull', '-q', reference);
    expect((await output('images', '-q')).toString()).toBe(`${reference}\n`);
    const archive = join(home, 'mine.tar');
    await output('save', '-q', '-o', archive, reference);
    await output('rmi', reference);
    expect((await output('load', '-q', '-i', archive)).toString()).toBe(`${reference}\n`);
    const usage = JSON.parse((await output('system', 'df', '--json')).toString());
    expect(usage.kinds[0]).toMatchObject({ kind: 'images', count: 1, reclaimableBytes: usage.kinds[0].bytes });
    const pruned = JSON.parse((await output('system', 'prune', '-af', '--json')).toString());
    expect(pruned).toMatchObject({ images: [reference], freedBytes: usage.kinds[0].bytes });
  });

  it('are read from a layout of somebody else, and files of others are an error that says so', async () => {
    const image = await sampleImage({ name: 'theirs' });
    await chmod(dirname(image.directory), 0o755);
    expect(spawnSync('chmod', ['-R', 'a+rX', image.directory]).status).toBe(0);
    await output('pull', '-q', `oci:${image.directory}`);
    await chmod(join(image.directory, 'index.json'), 0o600);
    const args = ['pull', '--json', `oci:${image.directory}`];
    const refused = await runCli(args, { home, user: 'nobody', root: repository.root });
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: expect.stringMatching(/permission_denied|storage_error/),
    });
  });
});
