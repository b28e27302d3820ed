import { BoxliteError, parseBoxId } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { decodeDocument, encodeDocument } from './document.js';
import { boxConfigKind, boxStateKind } from './record-kinds.js';

const id = parseBoxId('box1');
const config = { id, createdAt: 1, options: {} };

function failure(run: () => unknown): BoxliteError {
  try {
    run();
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
  }
  throw new Error('no BoxliteError was thrown');
}

describe('a stored document', () => {
  it('comes back as it was', () => {
    const row = { id, json: encodeDocument(boxConfigKind, config) };
    expect(decodeDocument(boxConfigKind, row, '/db')).toEqual(config);
  });

  it('is checked once: the same text of the same row is the same record, another text is another', () => {
    let checks = 0;
    const schema = z.object({ id: z.string(), note: z.string() }).refine(() => {
      checks += 1;
      return true;
    });
    const kind = { table: 'notes', key: 'id', schema } as const;
    const row = { id: 'a', json: encodeDocument(kind, { id: 'a', note: 'first' }) };
    const read = decodeDocument(kind, row, '/db');
    expect(decodeDocument(kind, row, '/db')).toBe(read);
    expect([read.note, checks]).toEqual(['first', 1]);
    expect(decodeDocument(kind, { id: 'a', json: '{"id":"a","note":"by another process"}' }, '/db').note).toBe(
      'by another process',
    );
    expect(failure(() => decodeDocument(kind, { ...row, id: 'b' }, '/db')).code).toBe('database_error');
    for (let count = 0; count < 200; count += 1) encodeDocument(kind, { id: `${count}`, note: '' });
    checks = 0;
    expect(decodeDocument(kind, row, '/db').note).toBe('first');
    expect(checks).toBe(1); // not remembered for ever
  });

  it.each([
    ['that is not JSON', '{', 'json'],
    ['that is empty', '', 'json'],
    ['of another shape', '[]', 'json'],
    ['with a member of a wrong type', '{"id":"box1","createdAt":"yesterday","options":{}}', 'createdAt'],
    ['with a missing member', '{"id":"box1","createdAt":1}', 'options'],
    ['with an id that is none', '{"id":"../x","createdAt":1,"options":{}}', 'id'],
    ['of another row', '{"id":"box2","createdAt":1,"options":{}}', 'id'],
  ])('%s is a database_error that names table and id', (_what, json, field) => {
    const error = failure(() => decodeDocument(boxConfigKind, { id, json }, '/home/db'));
    expect(error).toMatchObject({ code: 'database_error', details: { table: 'box_config', id: 'box1', field } });
    expect(error.message).toContain('box_config');
    expect(error.message).toContain('box1');
    expect(error.hint).toContain('/home/db');
  });

  it('is refused on writing when it could not be read back', () => {
    const state = { id, status: 'running' as const, updatedAt: Number.NaN };
    expect(failure(() => encodeDocument(boxStateKind, state))).toMatchObject({
      code: 'invalid_argument',
      details: { field: 'updatedAt' },
    });
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const options of [cyclic, { size: 1n }]) {
      expect(failure(() => encodeDocument(boxConfigKind, { ...config, options })).code).toBe('invalid_argument');
    }
  });
});
