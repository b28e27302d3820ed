import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { removeHome } from '../support/temporary-home.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGES = join(ROOT, 'packages');
const names = await readdir(PACKAGES);
const readmes = ['README.md', ...names.map((name) => `packages/${name}/README.md`)];
let directory: string;

/** A project that has installed the packages, as a reader has. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-readme-'));
  const scope = join(directory, 'node_modules', '@boxlite');
  await mkdir(scope, { recursive: true });
  await Promise.all(names.map((name) => symlink(join(PACKAGES, name), join(scope, name))));
});
afterAll(() => removeHome(directory));

/** Runs an example as a program of its own. @returns what it prints. Rejects unless the status is 0 */
async function outputOf(name: string, example: string): Promise<string> {
  const file = join(directory, `${name.replaceAll('/', '-')}.mjs`);
  await writeFile(file, example);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: directory,
    env: { ...process.env, HOME: directory, BOXLITE_HOME: join(directory, 'home') },
  });
  return stdout;
}

describe('the first example in', () => {
  it.each(readmes)('%s runs as it stands', { timeout: patience(120_000) }, async (path) => {
    const readme = await readFile(join(ROOT, path), 'utf8');
    const example = /^```(?:js|ts)\n(.*?)^```$/ms.exec(readme)?.[1];
    expect(example, 'there is one').toBeDefined();
    expect(await outputOf(path, example ?? '')).not.toBe('');
  });
});

it('the example of images and disk space in packages/sdk/README.md runs as it stands', async () => {
  const readme = await readFile(join(PACKAGES, 'sdk/README.md'), 'utf8');
  const [, example = ''] = /^## Images and disk space\n.*?^```js\n(.*?)^```$/ms.exec(readme) ?? [];
  expect(await outputOf('images-and-disk-space', example)).toMatch(
    /\nimages \d+ \d+\n(?:.*\n)*a prune would remove \[ 'oci:/,
  );
});
