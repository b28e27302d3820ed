import { resolveSecurityOptions, SECURITY_OPTION_TABLE } from '@boxlite/jailer';
import { describe, expect, it } from 'vitest';
import { parseBoxOptions } from './box-options.js';

/** What the public surface of BoxLite has always had (reference 6.7), and what came to it here. */
const PUBLIC_NAMES = [
  'jailerEnabled',
  'seccompEnabled',
  'networkEnabled',
  'closeFds',
  'maxOpenFiles',
  'maxFileSize',
  'maxProcesses',
  'maxMemory',
  'maxCpuTime',
  ...['jailer', 'seccomp', 'memoryHigh', 'maxSwap', 'cpuQuota', 'cpuWeight', 'ioWeight'],
  ...['ioReadBytesPerSecond', 'ioWriteBytesPerSecond'],
];

/** What only the runtime decides: ids come from the box, a profile from the platform. */
const NOT_PUBLIC = ['uid', 'gid', 'sandboxProfile'];

function sampleOf(name: string) {
  const entry = SECURITY_OPTION_TABLE[name as keyof typeof SECURITY_OPTION_TABLE];
  if (entry.kind === 'choice') return entry.choices[1];
  return entry.kind === 'boolean' ? true : 777;
}

describe('the security options of a box', () => {
  it.each(PUBLIC_NAMES)('%s is a public name that the one table of the jailer maps', (name) => {
    const { security } = parseBoxOptions({ security: { [name]: sampleOf(name) } });
    expect(security).toEqual({ [name]: sampleOf(name) });
    expect(() => resolveSecurityOptions(security)).not.toThrow();
  });

  it('are never weaker than the default for leaving some out', () => {
    const defaults = resolveSecurityOptions(parseBoxOptions({}).security);
    expect(defaults).toEqual(resolveSecurityOptions());
    const { resourceLimits, ...rest } = resolveSecurityOptions(
      parseBoxOptions({ security: { maxMemory: 7 } }).security,
    );
    expect({ ...rest, resourceLimits }).toEqual({
      ...defaults,
      resourceLimits: { ...defaults.resourceLimits, maxMemory: 7 },
    });
  });

  it('are all of those the jailer has, but for what the runtime decides', () => {
    expect([...PUBLIC_NAMES, ...NOT_PUBLIC].sort()).toEqual(Object.keys(SECURITY_OPTION_TABLE).sort());
  });

  it.each(['jailer', 'seccomp'])('take every mode the jailer has, and no other: %s', (name) => {
    const entry = SECURITY_OPTION_TABLE[name as 'jailer'];
    for (const mode of entry.kind === 'choice' ? entry.choices : []) {
      expect(parseBoxOptions({ security: { [name]: mode } }).security).toEqual({ [name]: mode });
    }
    expect(() => parseBoxOptions({ security: { [name]: 'maybe' } })).toThrow(
      expect.objectContaining({ details: { field: `security.${name}` } }),
    );
  });

  it('that contradict each other are refused, naming the field', () => {
    expect(() => parseBoxOptions({ security: { jailer: 'required', jailerEnabled: false } })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'security.jailer' } }),
    );
    expect(() => parseBoxOptions({ security: { seccomp: 'off', seccompEnabled: true } })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'security.seccomp' } }),
    );
  });

  it('that nobody knows are refused with their name', () => {
    expect(() => parseBoxOptions({ security: { jailerEnable: false } })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'security.jailerEnable' } }),
    );
  });
});
