import { describe, expect, it } from 'vitest';
import {
  inertSecurityOptions,
  resolveSecurityOptions,
  SECURITY_OPTION_TABLE,
  type SecurityOptionsInput,
} from './security-options.js';

describe('security options', () => {
  it('are all on by default, with the limits of the reference', () => {
    expect(resolveSecurityOptions()).toEqual({
      jailerEnabled: true,
      allowUnconfined: false,
      seccompEnabled: true,
      networkEnabled: true,
      uid: 65534,
      gid: 65534,
      resourceLimits: { maxOpenFiles: 1024, maxFileSize: 1024 ** 3, maxProcesses: 1024 },
    });
  });

  it('a partial object is never weaker than the default', () => {
    const defaults = resolveSecurityOptions();
    for (const name of Object.keys(SECURITY_OPTION_TABLE)) {
      expect(resolveSecurityOptions({ [name]: undefined })).toEqual(defaults);
    }
    expect(resolveSecurityOptions({ maxMemory: 5 })).toEqual({
      ...defaults,
      resourceLimits: { ...defaults.resourceLimits, maxMemory: 5 },
    });
    expect(resolveSecurityOptions({ networkEnabled: false })).toEqual({ ...defaults, networkEnabled: false });
  });

  it('every public name reaches the field the table says', () => {
    for (const [name, { kind, field }] of Object.entries(SECURITY_OPTION_TABLE)) {
      if (field === 'closeFds') continue;
      const value = kind === 'boolean' ? name === 'allowUnconfined' : kind === 'integer' ? 77 : '/profile.sb';
      const resolved = resolveSecurityOptions({ [name]: value });
      const reached = field
        .split('.')
        .reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], resolved);
      expect(reached, name).toBe(value);
    }
  });

  it('with the jailer off only limits given explicitly remain, and there is no filter', () => {
    const { seccompEnabled, resourceLimits } = resolveSecurityOptions({ jailerEnabled: false, maxOpenFiles: 7 });
    expect({ seccompEnabled, resourceLimits }).toEqual({ seccompEnabled: false, resourceLimits: { maxOpenFiles: 7 } });
  });

  it.each([
    ['maxOpenFiles', -1],
    ['maxOpenFiles', 1.5],
    ['maxMemory', Number.NaN],
    ['maxFileSize', Number.POSITIVE_INFINITY],
    ['maxCpuTime', '5'],
    ['jailerEnabled', 'yes'],
    ['sandboxProfile', 'relative.sb'],
    ['seccompEnable', true],
    ['__proto__x', 1],
    ['constructor', 1],
  ])('refuses %s = %s and names the field', (field, value) => {
    expect(() => resolveSecurityOptions({ [field]: value } as SecurityOptionsInput)).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', details: { field } }),
    );
  });

  it('says which options change nothing here', () => {
    expect(inertSecurityOptions({ maxProcesses: 5, uid: 1 }, 'darwin')).toHaveLength(2);
    expect(inertSecurityOptions({ maxProcesses: 5, uid: 1 }, 'linux')).toEqual([]);
    expect(inertSecurityOptions({ sandboxProfile: '/x' }, 'linux')[0]).toContain('sandboxProfile');
    expect(inertSecurityOptions({ closeFds: false }, 'linux')[0]).toContain('always closed');
    expect(inertSecurityOptions({ jailerEnabled: false, seccompEnabled: true }, 'linux')[0]).toContain('jailer');
  });
});
