import { type BoxRecord, parseBoxId } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { STARTER_IMAGE } from '../options/starter-image.js';
import { imageToCome, imageUsers } from './image-users.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const image = (reference: string, letter: string) => ({
  reference,
  manifestDigest: digest(letter),
  configDigest: digest('c'),
  platform: { os: 'linux', architecture: 'amd64' },
  config: { entrypoint: [], cmd: [], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {} },
  layers: [],
});

function box(id: string, options: Record<string, unknown>, made?: ReturnType<typeof image>): BoxRecord {
  const state = { status: 'configured' as const, updatedAt: 1, ...(made === undefined ? {} : { image: made }) };
  return { config: { id: parseBoxId(id), createdAt: 1, options }, state };
}

const used = (record: { reference: string; manifestDigest: `sha256:${string}` }, boxes: readonly BoxRecord[]) =>
  imageUsers(record, boxes, new Map([['alpine', 'docker.io/library/alpine:latest']])).map(({ config }) => config.id);

describe('the boxes of an image', () => {
  const record = { reference: 'docker.io/library/alpine:latest', manifestDigest: digest('a') };

  it('are those that were made from it, and those that will be at their first start', () => {
    const boxes = [
      box('made', { image: 'alpine' }, image(record.reference, 'a')),
      box('to-come', { image: 'alpine' }),
      box('exact', { image: record.reference }),
      box('other', { image: 'debian' }),
    ];
    expect(used(record, boxes)).toEqual(['made', 'to-come', 'exact']);
  });

  it('do not include one that was made before the tag moved on', () => {
    expect(used(record, [box('earlier', { image: 'alpine' }, image(record.reference, 'b'))])).toEqual([]);
  });

  it('that name none are of the starter image', () => {
    expect(imageToCome(box('plain', {}))).toBe(STARTER_IMAGE);
    expect(used({ reference: STARTER_IMAGE, manifestDigest: digest('a') }, [box('plain', {})])).toEqual(['plain']);
  });
});
