import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { resolveHome } from './resolve-home.js';

function failure(run: () => unknown): BoxliteError {
  try {
    run();
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
  }
  throw new Error('no BoxliteError was thrown');
}

describe('the home', () => {
  it('is $BOXLITE_HOME where it is set', () => {
    expect(resolveHome({ BOXLITE_HOME: '/data/boxes', HOME: '/home/me' })).toBe('/data/boxes');
  });

  it('is ~/.boxlite otherwise, also for an empty variable', () => {
    expect(resolveHome({ HOME: '/home/me' })).toBe('/home/me/.boxlite');
    expect(resolveHome({ BOXLITE_HOME: '', HOME: '/home/me' })).toBe('/home/me/.boxlite');
  });

  it('comes from the password database when HOME is unset', () => {
    expect(resolveHome({})).toMatch(/^\/.*\/\.boxlite$/);
  });

  it('is an absolute path only: a relative one is a config_error that names the variable', () => {
    for (const path of ['boxes', './boxes', '~/boxes', '../x']) {
      const error = failure(() => resolveHome({ BOXLITE_HOME: path }));
      expect(error).toMatchObject({ code: 'config_error', details: { field: 'BOXLITE_HOME' } });
      expect(error.hint).toContain('BOXLITE_HOME');
    }
  });

  it('is never the root directory and holds no NUL byte', () => {
    for (const path of ['/', '//', '/a/..', '/a\0b']) {
      expect(failure(() => resolveHome({ BOXLITE_HOME: path })).code).toBe('config_error');
    }
  });

  it('is normalized', () => {
    expect(resolveHome({ BOXLITE_HOME: '/data//x/../boxes/' })).toBe('/data/boxes');
  });
});
