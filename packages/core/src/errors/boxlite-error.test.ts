import { describe, expect, it } from 'vitest';
import { BoxliteError } from './boxlite-error.js';
import { escapeText } from './escape-text.js';
import { toBoxliteError } from './to-boxlite-error.js';

describe('BoxliteError', () => {
  it('is recognised across copies of the package by its marker, and never by its shape alone', () => {
    const foreign = Object.assign(new Error('x'), { code: 'not_found', [Symbol.for('boxlite.error')]: true });
    expect(BoxliteError.isInstance(foreign)).toBe(true);
    expect(BoxliteError.isInstance(foreign, 'stopped')).toBe(false);
    expect(BoxliteError.isInstance(Object.assign(new Error('x'), { code: 'not_found' }))).toBe(false);
    expect(BoxliteError.isInstance(null)).toBe(false);
  });

  it('carries code, hint, cause and details, and leaves the cause out of JSON', () => {
    const cause = new Error('secret host path');
    const error = new BoxliteError('not_found', 'box "a" does not exist', {
      hint: 'ls',
      cause,
      details: { field: 'id' },
    });
    expect(error.cause).toBe(cause);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'not_found',
      message: 'box "a" does not exist',
      hint: 'ls',
      details: { field: 'id' },
    });
  });
});

describe('toBoxliteError', () => {
  it('gives the failure, not that its cleaning up failed as well', async () => {
    const failure = new BoxliteError('digest_mismatch', 'other bytes');
    const both = await (async () => {
      await using _held = { [Symbol.asyncDispose]: () => Promise.reject(new Error('the lease is lost')) };
      throw failure;
    })().catch((thrown: unknown) => thrown);
    expect(both).not.toBe(failure);
    expect(toBoxliteError(both, 'internal', 'pulling')).toBe(failure);
  });

  it('passes a BoxliteError through unchanged', () => {
    const error = new BoxliteError('stopped', 'x');
    expect(toBoxliteError(error, 'internal', 'y')).toBe(error);
  });

  it('names a full disk and an abort whatever code was asked for', () => {
    expect(toBoxliteError(Object.assign(new Error('x'), { code: 'ENOSPC' }), 'internal', 'write').code).toBe(
      'disk_full',
    );
    expect(toBoxliteError(new DOMException('x', 'AbortError'), 'internal', 'write').code).toBe('aborted');
    expect(toBoxliteError('odd', 'storage_error', 'write')).toMatchObject({
      code: 'storage_error',
      message: 'write: odd',
    });
  });
});

describe('escapeText', () => {
  it('shows control characters and bidirectional overrides instead of sending them to a terminal', () => {
    expect(escapeText('a\u001b[31mb\r\u009b\u202ec\nd\te')).toBe('a\\x1b[31mb\\x0d\\x9b\\x202ec\nd\te');
  });

  it('cuts long text and says how much is missing', () => {
    expect(escapeText('x'.repeat(10), 4)).toBe('xxxx… (6 more)');
  });
});
