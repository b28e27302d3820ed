import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerRegistry } from '../../packages/images/test/docker-registry.js';
import { sampleImage } from '../../packages/images/test/sample-image.js';
import { cliOnTerminal } from '../support/on-terminal.js';
import { CLI, runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
beforeAll(async () => {
  home = await temporaryHome();
});
afterAll(() => home.end());

const at = (name: string) => join(home.home, name);
const cli = (...args: string[]) => runCli(args, { home: home.home });
const text = async (...args: string[]) => (await cli(...args)).stdout.toString();
const json = async (...args: string[]) => JSON.parse(await text(...args));
const references = async () => (await text('images', '-q')).trim().split('\n');

/** An archive of `docker save`, of an image called `name`. */
async function dockerArchive(name: string) {
  const image = await sampleImage({ name: name.replace(/[^a-z]/g, '-') });
  const archive = at(`${name.replace(/[^a-z]/g, '-')}.tar`);
  execFileSync('skopeo', ['copy', '-q', image.reference, `docker-archive:${archive}:${name}`]);
  return { archive, image, reference: `docker.io/library/${name}` };
}

describe('boxlite load and save', () => {
  it('read what docker saved, by file and by pipe, plain and compressed', async () => {
    const { archive, reference } = await dockerArchive('loaded:v1');
    const byFile = await cli('load', '-i', archive);
    expect([byFile.status, byFile.stdout.toString()]).toEqual([0, `loaded ${reference}\n`]);
    expect(await references()).toContain(reference);
    await cli('rmi', 'loaded:v1');
    const input = gzipSync(await readFile(archive));
    const byPipe = await runCli(['image', 'load', '-q'], { home: home.home, input });
    expect(byPipe).toMatchObject({ status: 0, stderr: '' });
    expect(byPipe.stdout.toString()).toBe(`${reference}\n`);
    expect(await json('load', '--json', '-i', archive)).toMatchObject([{ references: [reference], named: true }]);
  });

  it('call an image that has no name as they are told', async () => {
    const image = await sampleImage({ name: 'nameless' });
    const archive = at('nameless.tar');
    execFileSync('tar', ['-C', image.directory, '-cf', archive, '.']);
    const named = await cli('load', '-q', '-i', archive, '--name', 'mine');
    expect(named.stdout.toString()).toMatch(/^docker\.io\/library\/mine:latest\n$/);
    await cli('rmi', 'mine');
  });

  it('write what skopeo and they themselves read, to a file and to a pipe', async () => {
    const { archive, image, reference } = await dockerArchive('saved:v2');
    await cli('load', '-i', archive);
    const [toFile, toPipe] = [at('file.tar'), await cli('image', 'save', 'saved:v2')];
    const said = await cli('save', '-o', toFile, 'saved:v2');
    expect([said.status, said.stdout.toString()]).toEqual([0, expect.stringMatching(/file\.tar: [\d.]+ kB\n$/)]);
    expect(Buffer.compare(await readFile(toFile), toPipe.stdout)).toBe(0);
    expect((await stat(toFile)).mode & 0o777).toBe(0o600);
    expect(await json('save', '--json', '-o', toFile, 'saved:v2')).toEqual({
      file: toFile,
      bytes: toPipe.stdout.length,
    });
    const config = JSON.parse(
      execFileSync('skopeo', ['inspect', '--config', `oci-archive:${toFile}`], { encoding: 'utf8' }),
    );
    expect(config.config.Cmd).toEqual(['/bin/sh']);
    await cli('rmi', 'saved:v2');
    const back = await runCli(['load', '-q'], { home: home.home, input: toPipe.stdout });
    expect(back.stdout.toString()).toBe(`${reference}\n`);
    expect(image.manifestDigest).toMatch(/^sha256:/);
  });

  it('neither write an archive to a terminal nor read one from it', async () => {
    for (const [args, hint] of [
      [['save', 'saved:v2'], /-o FILE/],
      [['load'], /-i FILE/],
    ] as const) {
      const { status, shown } = await cliOnTerminal(args, { home: home.home }).ended;
      expect([status, shown]).toEqual([1, expect.stringMatching(/terminal.*\r\n {2}hint: /s)]);
      expect(shown).toMatch(hint);
    }
  });

  it('leave nothing of an archive that is broken, and say what is wrong with it', async () => {
    const { archive } = await dockerArchive('broken:v1');
    const whole = await readFile(archive);
    const before = await readdir(at('images/layers'));
    for (const input of [whole.subarray(0, whole.length / 2), Buffer.from('no archive'), Buffer.alloc(0)]) {
      const { status, stderr } = await runCli(['load', '--json'], { home: home.home, input });
      expect([status, JSON.parse(stderr).error.code]).toEqual([1, expect.stringMatching(/^(image|layer|digest)_/)]);
    }
    expect((await cli('load', '-i', '/no/such/file')).stderr).toMatch(/does not exist\n {2}hint: /);
    expect(await references()).not.toContain('docker.io/library/broken:v1');
    expect(await readdir(at('images/layers'))).toEqual(before);
    expect((await readdir(at('tmp'))).filter((name) => /^\d+-/.test(name))).toEqual([]);
  });

  it('say which image there is none of', async () => {
    const { status, stderr } = await cli('save', '-o', at('none.tar'), 'nothing:here');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/no image "nothing:here".*\n {2}hint: .*boxlite images/),
    ]);
    expect(await readdir(home.home)).not.toContain('none.tar');
  });
});

describe('boxlite image', () => {
  it('lists, describes and removes images under any of their names, and goes on after a failure', async () => {
    const { archive, reference } = await dockerArchive('listed:v1');
    await cli('load', '-i', archive);
    const [listed] = ((await json('image', 'ls', '--json')) as { reference: string }[]).filter(
      (image) => image.reference === reference,
    ) as { reference: string; configDigest: string }[];
    expect(listed).toMatchObject({
      boxes: [],
      missing: [],
      sizeBytes: expect.any(Number),
      lastUsedAt: expect.any(Number),
    });
    const table = await text('images', '--digests');
    expect(table).toMatch(/^IMAGE +ID +DIGEST +SIZE +CACHED\n/);
    expect(table).toContain(`${reference}  `);
    const id = listed?.configDigest.slice(7, 19) ?? '';
    expect(await json('image', 'inspect', 'listed:v1', id)).toMatchObject([
      { reference, config: { cmd: ['/bin/sh'] }, platform: { os: 'linux' }, layers: [{}, {}], history: [{}, {}] },
      { reference },
    ]);
    const removed = await cli('image', 'rm', 'absent', id);
    expect(removed.status).toBe(1);
    expect(removed.stderr).toMatch(/^boxlite: there is no image "absent".*\n {2}hint: /);
    expect(removed.stdout.toString()).toMatch(new RegExp(`^removed ${reference}, [\\d.]+ kB freed\n$`));
    const failed = await cli('image', 'inspect', 'listed:v1');
    expect([failed.status, JSON.parse(failed.stderr).error.code]).toEqual([1, 'image_not_found']);
  });

  it('refuses to remove an image a box was made from, naming the box; -f does it', async () => {
    const { archive } = await dockerArchive('boxed:v1');
    await cli('load', '-i', archive);
    await cli('create', '--name', 'web', 'boxed:v1');
    const refused = await cli('rmi', 'boxed:v1');
    expect([refused.status, refused.stdout.toString()]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/in use: box web was made from it\n {2}hint: remove the box first/);
    const asJson = await cli('rmi', '--json', 'boxed:v1');
    expect(JSON.parse(asJson.stderr).error).toMatchObject({ code: 'invalid_state', details: { boxes: ['web'] } });
    expect(asJson.stdout.toString()).toBe('[]\n');
    expect(await json('rmi', '--json', '-f', 'boxed:v1')).toMatchObject([
      { references: ['docker.io/library/boxed:v1'] },
    ]);
    await cli('rm', 'web');
  });

  it('removes nothing without a yes: by -f, or on a terminal', async () => {
    const { archive, reference } = await dockerArchive('pruned:v1');
    await cli('load', '-i', archive);
    const unasked = await cli('image', 'prune', '-a');
    expect([unasked.status, unasked.stderr]).toEqual([1, expect.stringMatching(/without a yes.*\n {2}hint: add -f/)]);
    const dry = await cli('image', 'prune', '-a', '--dry-run');
    expect(dry.stdout.toString()).toContain(`would remove image ${reference}\n`);
    expect(await references()).toContain(reference);

    for (const [answer, stays] of [
      ['n', true],
      ['', true],
      ['y', false],
    ] as const) {
      const terminal = cliOnTerminal(['image', 'prune', '-a'], { home: home.home });
      await terminal.shows(`would remove image ${reference}`);
      await terminal.shows('Remove this? [y/N] ');
      terminal.type(`${answer}\r`);
      const { status, restored } = await terminal.ended;
      expect([status, restored]).toEqual([0, true]);
      expect((await references()).includes(reference), answer).toBe(stays);
    }
    expect(await text('image', 'prune', '-af')).toBe('nothing to remove\n');
  });

  it('takes Ctrl-C for a no', async () => {
    const { archive, reference } = await dockerArchive('asked:v1');
    await cli('load', '-i', archive);
    const terminal = cliOnTerminal(['system', 'prune', '-a'], { home: home.home });
    await terminal.shows('Remove this? [y/N] ');
    terminal.type('\x03');
    expect(await terminal.ended).toMatchObject({ status: 130, restored: true });
    expect(await references()).toContain(reference);
  });
});

describe('boxlite system', () => {
  it('shows what takes room, and frees what it says it would', async () => {
    const { archive, reference } = await dockerArchive('usage:v1');
    await cli('load', '-i', archive);
    const usage = await json('system', 'df', '--json');
    const images = usage.kinds.find(({ kind }: { kind: string }) => kind === 'images');
    expect(images).toMatchObject({ active: 0, bytes: expect.any(Number) });
    expect(images.reclaimableBytes).toBe(images.bytes);
    const table = await text('system', 'df');
    expect(table).toMatch(
      /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +\d+ +0 +[\d.]+ [kM]B +[\d.]+ [kM]B \(100%\)\n/,
    );
    expect(table).toMatch(/\nTotal .*\n$/);
    expect(await text('system', 'df', '-v')).toMatch(
      new RegExp(`\nIMAGES +SIZE +USED BY +LAST USED\n(.*\n)*${reference}`),
    );

    const kept = await json('system', 'prune', '-a', '-f', '--json', '--filter', 'until=24h');
    expect(kept).toMatchObject({ images: [], freedBytes: 0 });
    const wanted = await json('system', 'prune', '-a', '--dry-run', '--json');
    const freed = await json('system', 'prune', '-a', '-f', '--json');
    expect(wanted).toEqual({ ...freed, dryRun: true });
    expect(freed.images).toContain(reference);
    expect((await json('system', 'df', '--json')).kinds[0]).toMatchObject({ count: 0, bytes: 0 });
  });

  it('refuses a filter it does not understand', async () => {
    const { status, stderr } = await cli('system', 'prune', '-f', '--filter', 'label=x');
    expect([status, stderr]).toEqual([1, expect.stringMatching(/--filter "label=x".*\n {2}hint: .*until=24h/)]);
  });
});

describe('completion of images', () => {
  it('offers their names to bash, also beyond a colon, and the commands of image', async () => {
    const { archive } = await dockerArchive('complete:v1');
    await cli('load', '-i', archive);
    const bin = at('bin');
    await mkdir(bin);
    await writeFile(join(bin, 'boxlite'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(join(bin, 'boxlite'), 0o755);
    await writeFile(at('completion.bash'), await text('completion', 'bash'));
    /** As readline does it: the words of a line, split at colons too. */
    const complete = (line: string) => {
      const words = line.split(/ |(?=:)|(?<=:)/);
      const assign = `COMP_LINE='${line}'; COMP_POINT=${line.length}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
      const script = `source '${at('completion.bash')}'; ${assign}; _boxlite; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], {
        encoding: 'utf8',
        env: { PATH: `${bin}:${process.env.PATH}`, HOME: home.home, BOXLITE_HOME: home.home },
      }).trim();
    };
    expect(complete('boxlite rmi compl')).toBe('complete:v1');
    expect(complete('boxlite image rm complete:')).toBe('v1');
    expect(complete('boxlite run --rm complete:v')).toBe('v1');
    expect(complete('boxlite image ins')).toBe('inspect');
    expect(complete('boxlite system pr')).toBe('prune');
    expect(complete('boxlite system prune --dry')).toBe('--dry-run');
    expect(complete('boxlite run --pull ne')).toBe('never');
    expect(complete('boxlite load --input ')).toBe('');
  });

  it('is part of the scripts of zsh and fish, which fish accepts where there is one', async () => {
    expect(await text('completion', 'zsh')).toMatch(/boxlite images --names/);
    const fish = await text('completion', 'fish');
    expect(fish).toContain(
      "'__fish_seen_subcommand_from image; and __fish_seen_subcommand_from rm' -f -a '(boxlite images --names 2>/dev/null)'",
    );
    await writeFile(at('completion.fish'), fish);
    const { error, status } = spawnSync('fish', ['-n', at('completion.fish')]);
    expect(error === undefined ? status : 0).toBe(0);
  });
});

describe('images of a registry', () => {
  it('are listed beside those that boxes were made from where they lie', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage({ name: 'both' });
    await registry.push(image.reference, 'both:1');
    await cli('pull', '-q', `${registry.host}/both:1`);
    const other = await sampleImage({ name: 'in-place' });
    await cli('pull', '-q', `oci:${other.directory}`);
    const table = await text('images');
    expect(table).toContain(`${registry.host}/both:1`);
    expect(table).toMatch(new RegExp(`oci:${other.directory} .*\\(read in place\\)`));
    expect((await cli('rmi', `oci:${other.directory}`, `${registry.host}/both:1`)).status).toBe(0);
  });
});
