import { describe, expect, it } from 'vitest';
import { applyLayers } from '../../test/support/applied-tree.js';
import type { TarEntrySpec } from '../../test/support/write-tar.js';

const apply = (...layers: readonly (readonly TarEntrySpec[])[]) => applyLayers(layers, { maxEntries: 1000 });

const file = (name: string, content = name): TarEntrySpec => ({ name, content });
const directory = (name: string, mode = 0o755): TarEntrySpec => ({ name, type: 'directory', mode });
const symlink = (name: string, linkName: string): TarEntrySpec => ({ name, type: 'symlink', linkName });
const hardlink = (name: string, linkName: string): TarEntrySpec => ({ name, type: 'hardlink', linkName });
const whiteout = (name: string): TarEntrySpec => ({ name, content: '' });
const fails = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { details: expect.objectContaining({ field }) }) });

describe('whiteouts', () => {
  const lower = [directory('d'), file('d/1'), directory('d/sub'), file('d/sub/2'), file('x')];

  it('remove a file or a whole directory of the layers below', () => {
    expect(apply(lower, [whiteout('.wh.d')]).files).toEqual({ x: 'x' });
    expect(apply(lower, [whiteout('d/.wh.sub'), whiteout('.wh.x')]).files).toEqual({ d: '/', 'd/1': 'd/1' });
  });

  it('of what does not exist change nothing, and make no directories', () => {
    expect(
      apply(lower, [whiteout('.wh.nothing'), whiteout('no/where/.wh.file'), whiteout('no/.wh..wh..opq')]).files,
    ).toEqual(apply(lower).files);
  });

  it('free the space of what they remove', () => {
    expect([...apply(lower, [whiteout('.wh.d')]).released].sort()).toEqual(['d/1', 'd/sub/2']);
  });

  it('that are opaque empty a directory of the layers below but keep what the same layer put there', () => {
    const expected = { d: '/', 'd/new': 'new', 'd/sub': '/', 'd/sub/3': '3', x: 'x' };
    const entries = [directory('d'), file('d/new', 'new'), directory('d/sub'), file('d/sub/3', '3')];
    for (let at = 0; at <= entries.length; at++) {
      const layer = [...entries.slice(0, at), whiteout('d/.wh..wh..opq'), ...entries.slice(at)];
      expect(apply(lower, layer).files).toEqual(expected);
    }
  });

  it('mean the same before and behind an entry of the same name', () => {
    for (const entry of [file('d', 'now a file'), directory('d'), symlink('d', 'x'), hardlink('d', 'x')]) {
      expect(apply(lower, [whiteout('.wh.d'), entry]).files).toEqual(apply(lower, [entry, whiteout('.wh.d')]).files);
    }
    const below = [file('d/sub/new', 'new')];
    const before = apply([directory('d', 0o700), ...lower.slice(1)], [whiteout('.wh.d'), ...below]);
    const behind = apply([directory('d', 0o700), ...lower.slice(1)], [...below, whiteout('.wh.d')]);
    expect(behind.files).toEqual({ x: 'x', d: '/', 'd/sub': '/', 'd/sub/new': 'new' });
    expect(behind.files).toEqual(before.files);
    expect(behind.lookUp('d')?.metadata.mode).toBe(0o755);
    expect(before.lookUp('d')?.metadata.mode).toBe(0o755);
  });

  it('in the lowest layer hide nothing', () => {
    expect(apply([file('a'), whiteout('.wh.a'), whiteout('.wh..wh..opq')]).files).toEqual({ a: 'a' });
  });

  it('resolve their directory inside the image', () => {
    expect(apply([...lower, symlink('link', '/d')], [whiteout('link/.wh.1')]).files).not.toHaveProperty(['d/1']);
  });
});

describe('entries over what the layers below have', () => {
  it('replace a directory by a file and a file by a directory', () => {
    const { files, released } = apply(
      [directory('a'), file('a/in'), file('b')],
      [file('a', 'file'), directory('b'), file('b/in')],
    );
    expect(files).toEqual({ a: 'file', b: '/', 'b/in': 'b/in' });
    expect(released).toEqual(['a/in', 'b']);
  });

  it('replace every type of file by every other', () => {
    const types: Record<string, [TarEntrySpec, string]> = {
      file: [file('a', 'new'), 'new'],
      directory: [directory('a'), '/'],
      symlink: [symlink('a', 't'), '-> t'],
      hardlink: [hardlink('a', 'other'), 'other'],
      'character-device': [{ name: 'a', type: 'character-device', device: [1, 3] }, 'character-device'],
      'block-device': [{ name: 'a', type: 'block-device', device: [1, 3] }, 'block-device'],
      fifo: [{ name: 'a', type: 'fifo' }, 'fifo'],
    };
    for (const [below] of Object.values(types)) {
      for (const [above, shown] of Object.values(types)) {
        const inside = below.type === 'directory' ? [file('a/in', 'in')] : [];
        const first = [file('other'), below, ...inside];
        const kept = below.type === 'directory' && above.type === 'directory' ? { 'a/in': 'in' } : {};
        const expected = { other: 'other', a: shown, ...kept };
        expect(apply(first, [above]).files).toEqual(expected);
        expect(apply([...first, above]).files).toEqual(expected);
      }
    }
  });

  it('change the metadata of a directory and keep its content', () => {
    const { files, lookUp } = apply(
      [directory('a'), file('a/in')],
      [{ name: 'a', type: 'directory', mode: 0o2700, uid: 7, mtime: 99 }],
    );
    expect(files).toEqual({ a: '/', 'a/in': 'a/in' });
    expect(lookUp('a')?.metadata).toMatchObject({
      mode: 0o2700,
      uid: 7,
      mtime: { seconds: 99, nanoseconds: 0 },
    });
  });

  it('replace a symlink to a directory, which is not followed', () => {
    expect(apply([directory('real'), symlink('link', 'real')], [directory('link'), file('link/in')]).files).toEqual({
      real: '/',
      link: '/',
      'link/in': 'link/in',
    });
  });

  it('describe the root, which may be nothing but a directory', () => {
    expect(apply([directory('./', 0o700)]).lookUp('')?.metadata.mode).toBe(0o700);
    expect(() => apply([file('./')])).not.toThrow();
    expect(() => apply([{ name: '.', type: 'fifo' }])).toThrow(fails('layer_invalid', 'name'));
  });

  it('get parents nobody described, 0755 and owned by root, also where a file is in the way', () => {
    const { files, lookUp } = apply([file('a')], [file('a/b/c')]);
    expect(files).toEqual({ a: '/', 'a/b': '/', 'a/b/c': 'a/b/c' });
    expect(lookUp('a')?.metadata).toEqual({
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: { seconds: 0, nanoseconds: 0 },
      xattrs: undefined,
    });
  });
});

describe('symlinks in the way', () => {
  it('resolve inside the root of the image, however far they climb', () => {
    const links = [
      symlink('absolute', '/etc'),
      symlink('climbing', '../../../../etc'),
      directory('deep'),
      symlink('deep/up', '../absolute/./'),
    ];
    const layer = ['absolute/1', 'climbing/2', 'deep/up/3'].map((name) => file(name));
    const { files } = apply(links, layer);
    expect(
      Object.keys(files)
        .filter((name) => name.startsWith('etc'))
        .sort(),
    ).toEqual(['etc', 'etc/1', 'etc/2', 'etc/3']);
  });

  it('are stored as they are', () => {
    expect(apply([symlink('a', '/etc/passwd'), symlink('b', '../../..')]).files).toEqual({
      a: '-> /etc/passwd',
      b: '-> ../../..',
    });
  });

  it('that loop are an error that names the entry', () => {
    const loop = [symlink('a', 'b'), symlink('b', 'a')];
    expect(() => apply(loop, [file('a/x')])).toThrow(
      expect.objectContaining({ code: 'layer_invalid', details: expect.objectContaining({ entry: 'a/x' }) }),
    );
  });

  it('that multiply are an error, not work without end', () => {
    const bomb = Array.from({ length: 20 }, (_, index) => symlink(`${index}`, `${'d/../'.repeat(800)}${index + 1}`));
    expect(() => apply([...bomb, file('0/x')])).toThrow(fails('layer_invalid'));
  });

  it('of no text are an error', () => {
    expect(() => apply([symlink('a', '')])).toThrow(fails('layer_invalid', 'linkName'));
  });
});

describe('hard links', () => {
  it('share one file, whose space lives as long as a name does', () => {
    const layers = [[file('a', 'data'), hardlink('b', 'a')], [whiteout('.wh.a')]];
    expect(apply(...layers)).toMatchObject({ files: { b: 'data' }, released: [] });
    const { lookUp, released } = apply(...layers, [file('b', 'other')]);
    expect(lookUp('b')).toMatchObject({ links: 1 });
    expect(released).toEqual(['data']);
  });

  it('to files of a layer below, to symlinks, and to themselves are fine', () => {
    const { files, lookUp } = apply(
      [file('a', 'data'), symlink('s', 'a')],
      [hardlink('b', './a'), hardlink('t', 's'), hardlink('a', 'a')],
    );
    expect(files).toEqual({ a: 'data', b: 'data', s: '-> a', t: '-> a' });
    expect(lookUp('a')?.links).toBe(2);
  });

  it('may stand before their target, in a chain of any order, and give way to what comes later under their name', () => {
    const chain = [hardlink('c', 'b'), hardlink('a', 'late'), hardlink('b', 'a')];
    expect(apply([...chain, file('late', 'x')]).files).toEqual({ late: 'x', a: 'x', b: 'x', c: 'x' });
    expect(apply([...chain, file('late', 'x')]).lookUp('c')?.links).toBe(4);
    expect(apply([file('a', 'old')], [hardlink('a', 'late'), file('late', 'x')]).files).toEqual({ late: 'x', a: 'x' });
    expect(apply([hardlink('a', 'late'), file('a', 'own'), file('late', 'x')]).files).toEqual({ a: 'own', late: 'x' });
  });

  it('that leave the root are an error that names the entry', () => {
    expect(() => apply([hardlink('a', '../../etc/shadow')])).toThrow(
      expect.objectContaining({ code: 'layer_escapes', details: { field: 'linkName', entry: 'a' } }),
    );
  });

  it('through a climbing symlink stay inside the image', () => {
    const { lookUp } = apply([file('etc/shadow', 'inner'), symlink('up', '../..'), hardlink('a', 'up/etc/shadow')]);
    expect(lookUp('a')?.node).toBe(lookUp('etc/shadow')?.node);
  });

  it.each([['missing'], ['dir'], ['.'], ['missing/file']])('to %j are an error', (target) => {
    expect(() => apply([directory('dir'), hardlink('a', target)])).toThrow(fails('layer_invalid', 'linkName'));
  });

  it('that would replace the directory their target is in are an error', () => {
    expect(() => apply([file('dir/sub/file'), hardlink('dir', 'dir/sub/file')])).toThrow(
      fails('layer_invalid', 'linkName'),
    );
  });
});

describe('limits', () => {
  it('bound the entries of all layers together', () => {
    const layer = Array.from({ length: 600 }, (_, index) => file(`${index}`, ''));
    expect(() => apply(layer, layer)).toThrow(fails('resource_exhausted', 'maxEntries'));
  });

  it('bound device numbers', () => {
    expect(apply([{ name: 'a', type: 'block-device', device: [4095, 0xfffff] }]).files).toEqual({ a: 'block-device' });
    for (const device of [
      [4096, 0],
      [0, 0x100000],
      [-1, 0],
    ] as const) {
      expect(() => apply([{ name: 'a', type: 'character-device', device }])).toThrow(fails('layer_invalid', 'device'));
    }
  });
});
