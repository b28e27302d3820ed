import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../', import.meta.url));
const readme = await readFile(join(packages, 'core/README.md'), 'utf8');
const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
let directory: string;

/** A project that has installed the packages, as a plugin's author has. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-core-readme-'));
  const scope = join(directory, 'node_modules', '@boxlite');
  await mkdir(scope, { recursive: true });
  for (const name of await readdir(packages)) await symlink(join(packages, name), join(scope, name));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  for (const name of await readdir('/var/tmp')) {
    if (name.startsWith('my-sandbox-')) await rm(join('/var/tmp', name), { recursive: true, force: true });
  }
});

async function runExample(marker: string, ...flags: string[]): Promise<string> {
  const found = examples.filter((code) => code.includes(marker));
  expect(found, marker).toHaveLength(1);
  const file = join(directory, `${marker.replaceAll(/\W/g, '-')}.mjs`);
  await writeFile(file, found[0] ?? '');
  // A test runner below another one would report to it instead of to us.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file], { cwd: directory, env });
  return stdout;
}

describe('the examples for authors of plugins', () => {
  it('run a suite under node:test with one call', async () => {
    const output = await runExample("from 'node:test'", '--test', '--test-reporter=tap');
    expect(output).toContain('ok 1 - a path granted for writing can be read and written');
    expect(output).toMatch(/^# fail 0$/m);
  });

  it('run a suite without a framework, and show the broken sentence of the contract, the case, and what was seen', async () => {
    const output = await runExample('await conformanceReport(');
    expect(output).toMatch(/^\d+ passed, \d+ failed$/m);
    const shown = output.slice(output.indexOf('this Sandbox'));
    expect(shown).toContain(
      'this Sandbox breaks a rule of its contract\n  rule: One path the confined command may see.',
    );
    expect(shown).toContain('\n  case: a path granted for reading cannot be written');
    expect(shown).toMatch(/\n {2}seen: .+/);
    // The comment in the example is what it prints.
    expect(readme).toContain(
      shown
        .slice(0, shown.indexOf('  seen:'))
        .replaceAll(/^/gm, '// ')
        .trimEnd()
        .replace(/\n\/\/ $/, ''),
    );
  });
});
