import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { imageSourceConformance, pluginConformance, runConformance } from '@boxlite/core/testing';
import { directoryPlugin } from '../index.js';
import { tarOfDirectory } from '../tar-of-directory.js';

const work = await mkdtemp(join(tmpdir(), 'boxlite-directory-'));
after(() => rm(work, { recursive: true }));
let count = 0;

async function tree(content) {
  const directory = join(work, String(count++));
  await mkdir(join(directory, 'etc', 'a-directory-with-a-name-that-is-long'.repeat(5)), { recursive: true });
  await writeFile(join(directory, 'etc', 'file'), content);
  await symlink('file', join(directory, 'etc', 'link'));
  await writeFile(Buffer.concat([Buffer.from(`${directory}/not-utf-8-`), Buffer.from([0xff])]), 'x');
  return directory;
}

async function diffId(directory) {
  const hash = createHash('sha256');
  for await (const chunk of tarOfDirectory(directory)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

describe('the plugin', () => {
  runConformance(
    pluginConformance({
      createPlugin: directoryPlugin,
      context: {},
      members: ['id', 'accepts', 'resolve', 'openLayer'],
    }),
    it,
  );
});

describe('the directory image source', () => {
  const setup = async () => {
    const [bottom, top, changing] = [await tree('bottom'), await tree('x'.repeat(1_000_000)), await tree('changing')];
    const source = directoryPlugin().create({});
    const damaged = `directory:${changing}`;
    // A directory that somebody changes as soon as it was looked at.
    const resolve = source.resolve.bind(source);
    source.resolve = async (reference, options) => {
      const image = await resolve(reference, options);
      if (reference === damaged) await appendFile(join(changing, 'etc', 'file'), 'more');
      return image;
    };
    return {
      source,
      image: `directory:${bottom}:${top}`,
      diffIds: [await diffId(bottom), await diffId(top)],
      missing: `directory:${work}/none`,
      foreign: 'alpine',
      damaged,
    };
  };
  runConformance(imageSourceConformance(setup), it);
});
