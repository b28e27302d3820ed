import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PluginRegistry } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPlugins } from './load-plugins.js';

const VMM = `{ kind: 'vmm', id: 'ID', specificationVersion: 'v2', probe: async () => ({ available: true }), create: () => ({}) }`;
const vmm = (id: string) => VMM.replace('ID', id);

let base: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-plugins-')));
});
afterEach(() => rm(base, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(base, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

async function ids(...locations: string[]): Promise<string[]> {
  const registry = new PluginRegistry();
  await loadPlugins(registry, locations, { baseDir: base });
  return registry.list('vmm').map(({ id }) => id);
}

const refusal = (location: string, why: string | RegExp, hint: string | RegExp = /./) =>
  expect.objectContaining({
    code: 'plugin_invalid',
    message: expect.stringMatching(why),
    hint: expect.stringMatching(hint),
    details: expect.objectContaining({ path: location }),
  });

describe('loading plugins', () => {
  it.each([
    ['as default', `export default ${vmm('a')};`, ['a']],
    ['in an array as default', `export default [${vmm('a')}, ${vmm('b')}];`, ['a', 'b']],
    ['as plugin', `export const plugin = ${vmm('a')}; export const other = 1;`, ['a']],
    ['as plugins', `export const plugins = [${vmm('a')}, ${vmm('b')}];`, ['a', 'b']],
    ['under several names, once', `const p = ${vmm('a')}; export default p; export const plugins = [p];`, ['a']],
  ])('takes what a module exports %s', async (_, text, expected) => {
    await file('module.mjs', text);
    expect(await ids('./module.mjs')).toEqual(expected);
  });

  it('takes a path that is relative or absolute, a file URL, a link, the directory of a package', async () => {
    const path = await file('a.mjs', `export default ${vmm('a')};`);
    expect(await ids('./a.mjs')).toEqual(['a']);
    expect(await ids(path)).toEqual(['a']);
    expect(await ids(pathToFileURL(path).href)).toEqual(['a']);
    await symlink(path, join(base, 'link.mjs'));
    expect(await ids('./link.mjs')).toEqual(['a']);
    await file('pack/package.json', JSON.stringify({ type: 'module', exports: { '.': { import: './lib/main.js' } } }));
    await file('pack/lib/main.js', `export default ${vmm('packed')};`);
    expect(await ids('./pack', './a.mjs')).toEqual(['packed', 'a']);
  });

  it('takes a module that is named twice once', async () => {
    const path = await file('a.mjs', `export default ${vmm('a')};`);
    expect(await ids('./a.mjs', path)).toEqual(['a']);
  });

  it('remembers the file a plugin came from', async () => {
    const path = await file('a.mjs', `export default ${vmm('a')};`);
    const registry = new PluginRegistry();
    await loadPlugins(registry, ['./a.mjs'], { baseDir: base });
    expect(registry.origin('vmm', 'a')).toBe(path);
  });

  it('never looks for a bare name in the current directory', async () => {
    await file('node_modules/evil/package.json', '{"type":"module"}');
    await file('node_modules/evil/index.js', 'globalThis.evilRan = true;');
    await expect(ids('evil')).rejects.toEqual(refusal('evil', /no package of this name/, /\.\/node_modules\/evil/));
    expect(globalThis).not.toHaveProperty('evilRan');
  });

  it('refuses a module that every user can change, without running it', async () => {
    const path = await file('open.mjs', 'globalThis.openRan = true;');
    await chmod(path, 0o646);
    await expect(ids('./open.mjs')).rejects.toEqual(refusal('./open.mjs', /not safe to load.*every user/, /chmod o-w/));
    await chmod(path, 0o644);
    await chmod(base, 0o757);
    await expect(ids('./open.mjs')).rejects.toEqual(refusal('./open.mjs', /the directory .* every user/));
    expect(globalThis).not.toHaveProperty('openRan');
  });

  it('refuses the directory of a package whose package.json every user can change', async () => {
    const manifest = await file('pack/package.json', '{"type":"module"}');
    await file('pack/index.js', `export default ${vmm('a')};`);
    await chmod(manifest, 0o666);
    await expect(ids('./pack')).rejects.toEqual(refusal('./pack', /package\.json can be written/));
  });

  it('refuses a module that lies where boxes write, also by way of a link', async () => {
    const path = await file('home/boxes/x/shared/a.mjs', `export default ${vmm('a')};`);
    await symlink(path, join(base, 'link.mjs'));
    const load = loadPlugins(new PluginRegistry(), ['./link.mjs'], {
      baseDir: base,
      homeDir: join(base, 'home'),
    });
    await expect(load).rejects.toEqual(refusal('./link.mjs', /where boxes write/));
  });

  it.each([
    ['does not exist', './missing.mjs', undefined, /missing\.mjs does not exist/],
    ['is a directory without a package.json', '.', undefined, /package\.json does not exist/],
    ['is no JavaScript', './x.mjs', 'export default {', /x\.mjs cannot be imported: /],
    [
      'throws while it is imported',
      './x.mjs',
      'throw new RangeError("sorry");',
      /cannot be imported: RangeError: sorry/,
    ],
    ['exports nothing of use', './x.mjs', 'export const vmm = {};', /exports no plugin/],
    ['exports an empty array', './x.mjs', 'export default [];', /exports no plugin/],
    ['exports a factory', './x.mjs', 'export default () => ({});', /exports a function where a plugin should be/],
    ['exports null', './x.mjs', 'export default null;', /exports a null/],
    [
      'exports a value of no known kind',
      './x.mjs',
      'export default { kind: "disk" };',
      /^plugin \.\/x\.mjs: plugin kind "disk"/,
    ],
  ])('refuses a module that %s, naming the path and what is wrong', async (_, location, text, why) => {
    if (text !== undefined) await file('x.mjs', text);
    await expect(ids(location)).rejects.toEqual(refusal(location, why));
  });

  it.each([
    ['outside of itself', '{"exports":"../x.mjs"}'],
    ['by an absolute path', '{"main":"/etc/passwd"}'],
    ['to nobody', '{"exports":{"./only":"./x.js"}}'],
  ])('refuses a package that exports a module %s', async (_, manifest) => {
    await file('pack/package.json', manifest);
    await expect(ids('./pack')).rejects.toEqual(refusal('./pack', /names no module of the package/));
  });

  it('refuses an unknown contract version and a taken id, naming the path', async () => {
    await file('new.mjs', `export default ${vmm('new').replace('v2', 'v9')};`);
    await expect(ids('./new.mjs')).rejects.toMatchObject({
      code: 'plugin_version',
      message: expect.stringMatching(/^plugin \.\/new\.mjs: vmm plugin "new" is made for version "v9"/),
      details: { path: './new.mjs' },
    });
    await file('a.mjs', `export default ${vmm('a')};`);
    await file('b.mjs', `export default ${vmm('a')};`);
    await expect(ids('./a.mjs', './b.mjs')).rejects.toMatchObject({
      code: 'plugin_duplicate',
      message: expect.stringMatching(/^plugin \.\/b\.mjs: /),
    });
  });
});
