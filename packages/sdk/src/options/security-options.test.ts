import { resolveSecurityOptions, SECURITY_OPTION_TABLE } from '@boxlite/jailer';
import { describe, expect, it } from 'vitest';
import { parseBoxOptions } from './box-options.js';

/** What the public surface of BoxLite has always had (reference 6.7), and the explicit way to run bare. */
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
  'allowUnconfined',
];

const sampleOf = (name: string) =>
  SECURITY_OPTION_TABLE[name as keyof typeof SECURITY_OPTION_TABLE].kind === 'boolean' ? true : 7;

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

  it('that nobody knows are refused with their name', () => {
    expect(() => parseBoxOptions({ security: { jailerEnable: false } })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'security.jailerEnable' } }),
    );
  });
});
