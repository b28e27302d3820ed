import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Header } from 'tar-stream';
import { hostPlatform } from '../src/index.js';
import { makeTar } from './make-tar.js';
import { temporaryDirectory } from './temporary-directory.js';

const run = promisify(execFile);

export type Member = Partial<Header> & { name: string; body?: string | Buffer };

export const hexOf = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** A configuration for layers given as tars. */
export function dockerConfig(tars: readonly Buffer[], platform = hostPlatform()): Buffer {
  return Buffer.from(
    JSON.stringify({
      ...platform,
      config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
      created: '2020-01-02T03:04:05Z',
      history: tars.map((_tar, index) => ({ created_by: `step ${index}` })),
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${hexOf(tar)}`) },
    }),
  );
}

/** What `docker save` wrote before Docker 25, for images of some layers; layers two images share are links, as Docker has it. */
export async function oldDockerArchive(
  images: readonly { readonly tars: readonly Buffer[]; readonly tags?: readonly string[] }[],
): Promise<Member[]> {
  const members: Member[] = [];
  const manifest: object[] = [];
  const first = new Map<string, string>();
  for (const [number, { tars, tags }] of images.entries()) {
    const layers: string[] = [];
    for (const [index, tar] of tars.entries()) {
      const id = hexOf(`${number} ${index}`);
      const name = `${id}/layer.tar`;
      members.push({ name: `${id}/`, type: 'directory' }, { name: `${id}/VERSION`, body: '1.0' });
      members.push({ name: `${id}/json`, body: JSON.stringify({ id }) });
      const known = first.get(hexOf(tar));
      if (known === undefined) members.push({ name, body: tar });
      else members.push({ name, type: 'symlink', linkname: `../${known}` });
      first.set(hexOf(tar), known ?? name);
      layers.push(name);
    }
    const config = dockerConfig(tars);
    members.push({ name: `${hexOf(config)}.json`, body: config });
    manifest.push({ Config: `${hexOf(config)}.json`, RepoTags: tags ?? null, Layers: layers });
  }
  // Docker has them at the end.
  members.push({ name: 'manifest.json', body: JSON.stringify(manifest) });
  members.push({ name: 'repositories', body: '{}' });
  return members;
}

/** Writes an archive. @returns its path */
export async function writeArchive(members: readonly Member[], name = 'archive.tar'): Promise<string> {
  const file = join(await temporaryDirectory(), name);
  await writeFile(file, await makeTar(members));
  return file;
}

/** The files of a layout as members of an archive. */
export async function layoutMembers(directory: string): Promise<{ name: string; body: Buffer }[]> {
  const { stdout } = await run('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: directory });
  const names = stdout.trim().split('\n');
  return Promise.all(names.map(async (name) => ({ name, body: await readFile(join(directory, name)) })));
}
