import { describe, expect, it } from 'vitest';
import { parseMirror } from './mirror-location.js';

describe('a mirror', () => {
  it.each([
    ['Mirror.example', { host: 'mirror.example', prefix: '' }],
    ['mirror.example:5000/cache/hub', { host: 'mirror.example:5000', prefix: 'cache/hub' }],
    ['[::1]:5000/a', { host: '[::1]:5000', prefix: 'a' }],
  ])('%s is a host, with the path it keeps its copies under', (text, location) => {
    expect(parseMirror(text)).toEqual(location);
  });

  it.each([
    '',
    '/',
    'https://mirror.example',
    'mirror.example/',
    'mirror.example/../x',
    'mirror.example/A',
    'mirror.example/a//b',
    'mirror.example/a?b',
    `m/${'a'.repeat(200)}`,
  ])('%j is none', (text) => {
    expect(parseMirror(text)).toBeUndefined();
  });
});
