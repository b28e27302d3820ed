import { describe, expect, it } from 'vitest';
import { seatbeltProfile } from '../src/index.js';
import { ALONE, DEFAULT_BOX, HOSTILE, MASKS_IN_VOLUMES, NESTED_VOLUMES, SHIM } from './profile-contexts.js';

describe('the profile, as it was read and approved, of', () => {
  it.each([
    ['default-box', DEFAULT_BOX, SHIM, {}],
    ['box-with-network', { ...DEFAULT_BOX, networkEnabled: true }, SHIM, {}],
    ['nested-volumes', NESTED_VOLUMES, SHIM, {}],
    ['masks-in-volumes', MASKS_IN_VOLUMES, SHIM, {}],
    ['hostile-names', HOSTILE, '/usr/bin/true', {}],
    ['python-alone', ALONE, '/opt/homebrew/bin/python3', { machServices: ['com.apple.system.opendirectoryd.libinfo'] }],
    ['nothing-granted', { paths: [], networkEnabled: false }, '/usr/bin/true', {}],
  ] as const)('%s', async (name, context, binary, options) => {
    await expect(seatbeltProfile(context, binary, options)).toMatchFileSnapshot(`golden/${name}.sb`);
  });
});
