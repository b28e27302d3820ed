import { describe, expect, it } from 'vitest';
import { SECURITY_OPTION_TABLE, type SecurityOptionEntry, type SecurityOptionsInput } from './security-option-table.js';
import { inertSecurityOptions, resolveSecurityOptions } from './security-options.js';

describe('security options', () => {
  it('are all on by default, with the limits of the reference', () => {
    expect(resolveSecurityOptions()).toEqual({
      jailer: 'required',
      seccomp: 'enforce',
      networkEnabled: true,
      uid: 65534,
      gid: 65534,
      resourceLimits: { maxOpenFiles: 1024, maxFileSize: 1024 ** 3, maxProcesses: 1024, maxSwap: 0 },
    });
  });

  it('every public name reaches the field the table says', () => {
    for (const [name, entry] of Object.entries(SECURITY_OPTION_TABLE)) {
      if (entry.field === 'closeFds' || name.endsWith('Enabled')) continue;
      const value = sampleOf(entry);
      const reached = entry.field
        .split('.')
        .reduce<unknown>(
          (object, key) => (object as Record<string, unknown>)[key],
          resolveSecurityOptions({ [name]: value }),
        );
      expect(reached, name).toBe(value);
    }
  });

  it.each([
    [{ jailerEnabled: false }, { jailer: 'off', seccomp: 'off' }],
    [{ jailerEnabled: true }, { jailer: 'required', seccomp: 'enforce' }],
    [{ jailerEnabled: true, jailer: 'best-effort' }, { jailer: 'best-effort' }],
    [{ jailerEnabled: false, jailer: 'off' }, { jailer: 'off' }],
    [{ seccompEnabled: false }, { jailer: 'required', seccomp: 'off' }],
    [{ seccompEnabled: true, seccomp: 'diagnose' }, { seccomp: 'diagnose' }],
  ] as const)('%j, in the words of BoxLite, is %j', (given, resolved) => {
    expect(resolveSecurityOptions(given)).toMatchObject(resolved);
  });

  it.each([
    ['jailer', { jailerEnabled: false, jailer: 'required' }],
    ['jailer', { jailerEnabled: false, jailer: 'best-effort' }],
    ['jailer', { jailerEnabled: true, jailer: 'off' }],
    ['seccomp', { seccompEnabled: false, seccomp: 'diagnose' }],
    ['seccomp', { seccompEnabled: true, seccomp: 'off' }],
  ] as const)('two words that contradict each other are refused, naming %s', (field, given) => {
    expect(() => resolveSecurityOptions(given)).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', details: { field }, hint: expect.stringContaining('leave') }),
    );
  });

  it('with the jailer off only limits given explicitly remain, and there is no filter', () => {
    const { seccomp, resourceLimits } = resolveSecurityOptions({ jailer: 'off', maxOpenFiles: 300 });
    expect({ seccomp, resourceLimits }).toEqual({ seccomp: 'off', resourceLimits: { maxOpenFiles: 300 } });
  });

  it.each([
    ['maxOpenFiles', -1],
    ['maxOpenFiles', 1.5],
    ['maxOpenFiles', 255],
    ['maxMemory', Number.NaN],
    ['maxFileSize', Number.POSITIVE_INFINITY],
    ['maxCpuTime', '5'],
    ['maxMemory', null],
    ['jailerEnabled', 'yes'],
    ['jailerEnabled', null],
    ['jailer', 'Required'],
    ['jailer', true],
    ['seccomp', 'permissive'],
    ['uid', 4_294_967_295],
    ['cpuQuota', 0],
    ['cpuQuota', Number.POSITIVE_INFINITY],
    ['cpuWeight', 0],
    ['ioWeight', 10_001],
    ['ioReadBytesPerSecond', 0],
    ['allowUnconfined', true],
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
    for (const given of [
      { jailerEnabled: false, seccompEnabled: true },
      { jailer: 'off', seccomp: 'diagnose' },
    ] as const) {
      expect(inertSecurityOptions(given, 'linux')[0]).toContain('jailer');
    }
  });
});

function sampleOf(entry: SecurityOptionEntry): unknown {
  switch (entry.kind) {
    case 'boolean':
      return false;
    case 'choice':
      return entry.choices[1];
    case 'path':
      return '/profile.sb';
    default:
      return 777;
  }
}
