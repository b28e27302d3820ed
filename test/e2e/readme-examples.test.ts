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

describe('the first example in', () => {
  it.each(readmes)('%s runs as it stands', { timeout: patience(120_000) }, async (path) => {
    const readme = await readFile(join(ROOT, path), 'utf8');
    const example = /^```(?:js|ts)\n(.*?)^```$/ms.exec(readme)?.[1];
    expect(example, 'there is one').toBeDefined();
    const file = join(directory, `${path.replaceAll('/', '-')}.mjs`);
    await writeFile(file, example ?? '');
    // Rejects unless the status is 0.
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: directory,
      env: { ...process.env, HOME: directory, BOXLITE_HOME: join(directory, 'home') },
    });
    expect(stdout).not.toBe('');
  });
});
