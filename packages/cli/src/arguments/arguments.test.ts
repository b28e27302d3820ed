import { describe, expect, it } from 'vitest';
import { environmentPlugins } from './environment-plugins.js';
import { imageAndCommand, markSeparator } from './image-and-command.js';
import { parseEnv } from './parse-env.js';
import { parseMemoryMib } from './parse-memory.js';

const split = (...argv: string[]) => imageAndCommand(markSeparator(['run', ...argv]).slice(1));

describe('image and command', () => {
  it('come with or without "--", and without an image before "--"', () => {
    expect(split('alpine', 'ls', '-l')).toEqual({ image: 'alpine', command: ['ls', '-l'] });
    expect(split('alpine', '--', 'ls', '--', 'x')).toEqual({ image: 'alpine', command: ['ls', '--', 'x'] });
    expect(split('--', 'uname', '-a')).toEqual({ command: ['uname', '-a'] });
    expect(split()).toEqual({ command: [] });
    expect(split('--')).toEqual({ command: [] });
  });

  it('leave a "--" of the command to the command', () => {
    expect(split('alpine', 'git', 'checkout', '--', 'x')).toEqual({
      image: 'alpine',
      command: ['git', 'checkout', '--', 'x'],
    });
    expect(split('--', 'git', 'checkout', '--', 'x')).toEqual({ command: ['git', 'checkout', '--', 'x'] });
  });

  it('are looked for after run and create only, wherever those words stand', () => {
    const others = [
      ['exec', 'box', 'docker', 'run', '--', 'x'],
      ['--home', '/h', '--debug', 'exec', 'run', '--', 'create', '--'],
      ['--plugin', 'run', '--plugin=run', 'exec', 'box', '--', 'x'],
    ];
    for (const argv of others) expect(markSeparator(argv)).toEqual(argv);
    const marked = ['--home', 'run', 'create', '\0--', 'x'];
    expect(markSeparator(['--home', 'run', 'create', '--', 'x'])).toEqual(marked);
  });
});

describe('BOXLITE_PLUGINS', () => {
  it('names plugins as PATH names directories', () => {
    expect(environmentPlugins({ BOXLITE_PLUGINS: '/a/b.js::@scope/plugin' })).toEqual(['/a/b.js', '@scope/plugin']);
    expect(environmentPlugins({ BOXLITE_PLUGINS: '' })).toEqual([]);
    expect(environmentPlugins({})).toEqual([]);
  });

  it('takes no relative path: it would mean something else in each directory', () => {
    for (const path of ['./a.js', '../a', '.']) {
      expect(() => environmentPlugins({ BOXLITE_PLUGINS: `/a:${path}` })).toThrow(
        expect.objectContaining({ code: 'plugin_invalid', details: { field: 'BOXLITE_PLUGINS', path } }),
      );
    }
  });
});

describe('-e', () => {
  it('takes KEY=VALUE, and KEY alone from the host', () => {
    expect(parseEnv(['A=1', 'B=x=y', 'C=', 'HOME', 'NOPE', 'A=2'], { HOME: '/h' })).toEqual({
      A: '2',
      B: 'x=y',
      C: '',
      HOME: '/h',
    });
  });

  it('refuses an entry without a name', () => {
    for (const entry of ['', '=x']) {
      expect(() => parseEnv([entry], {})).toThrow(expect.objectContaining({ details: { field: 'env' } }));
    }
  });
});

describe('--memory', () => {
  it('takes MiB, or a size with a unit', () => {
    expect(['512', '512m', '2g', '1048576k', '300MB', '1GiB'].map(parseMemoryMib)).toEqual([
      512, 512, 2048, 1024, 300, 1024,
    ]);
    for (const text of ['', '0', 'lots', '-1', '1t', '10b']) {
      expect(() => parseMemoryMib(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });
});
