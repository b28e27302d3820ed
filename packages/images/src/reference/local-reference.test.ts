import { describe, expect, it } from 'vitest';
import { formatLocalReference, isLocalReference, parseLocalReference } from './local-reference.js';

describe('a local reference', () => {
  it.each([
    ['oci:/a/b', 'oci:/a/b'],
    ['oci:/a/b/:v1', 'oci:/a/b:v1'],
    ['oci:layout:v1', 'oci:/work/layout:v1'],
    ['oci:../layout', 'oci:/layout'],
    ['oci:/a:docker.io/library/alpine:3', 'oci:/a:docker.io/library/alpine:3'],
    ['oci-archive:/a/b.tar:v1', 'oci-archive:/a/b.tar:v1'],
    ['docker-archive:b.tar', 'docker-archive:/work/b.tar'],
    ['docker-archive:/b.tar:my_app', 'docker-archive:/b.tar:docker.io/library/my_app:latest'],
    ['docker-archive:/b.tar:localhost:5000/app:v1', 'docker-archive:/b.tar:localhost:5000/app:v1'],
  ])('%s means %s', (text, canonical) => {
    expect(isLocalReference(text)).toBe(true);
    expect(formatLocalReference(parseLocalReference(text, '/work'))).toBe(canonical);
    expect(formatLocalReference(parseLocalReference(canonical, '/elsewhere'))).toBe(canonical);
  });

  it.each([
    'oci:',
    'oci::tag',
    'oci:/a:',
    'oci:/a:-x',
    'oci:/a: b',
    'oci:/a\u0000b',
    `oci:/${'a'.repeat(5000)}`,
    `oci:/a:${'t'.repeat(300)}`,
    'alpine',
    'docker-archive:/a:app/UPPER',
  ])('%j is refused, naming the field image', (text) => {
    const details = expect.objectContaining({ field: 'image' });
    expect(() => parseLocalReference(text)).toThrow(expect.objectContaining({ code: 'invalid_argument', details }));
  });

  it('is told from a name in a registry by its kind', () => {
    for (const text of ['alpine', 'oci/app', 'ocix:latest', 'dir:v1', 'localhost:5000/oci', './oci'])
      expect(isLocalReference(text)).toBe(false);
    for (const text of ['docker-daemon:app:v1', 'dir:/a', 'containers-storage:app']) {
      expect(isLocalReference(text)).toBe(true);
      expect(() => parseLocalReference(text)).toThrow(expect.objectContaining({ code: 'unsupported' }));
    }
  });
});
