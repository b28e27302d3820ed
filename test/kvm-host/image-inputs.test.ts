import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BOOT_MODULES } from './guest-scripts.mjs';
import { HOST_PACKAGES, imageKey } from './image-inputs.mjs';

const inputs = { release: 'bookworm', packages: ['a', 'b'], kernelPackage: 'linux', nodeVersion: 'v20', builder: 'sh' };

describe('the name of a host image', () => {
  it('is the same for the same inputs, in whatever order packages are named', () => {
    expect(imageKey(inputs)).toMatch(/^[0-9a-f]{16}$/);
    expect(imageKey({ ...inputs, packages: ['b', 'a'] })).toBe(imageKey(inputs));
  });

  it.each([
    ['release', 'trixie'],
    ['packages', ['a']],
    ['kernelPackage', 'linux-rt'],
    ['nodeVersion', 'v22'],
    ['builder', 'sh -x'],
  ])('changes with the %s', (field, value) => {
    expect(imageKey({ ...inputs, [field]: value })).not.toBe(imageKey(inputs));
  });

  it('covers a builder that keeps every module the initramfs loads', () => {
    const builder = readFileSync(new URL('./build-image.sh', import.meta.url), 'utf8');
    expect(builder).toContain(`for module in ${BOOT_MODULES.join(' ')};`);
  });

  it('says of every package what it is for', () => {
    for (const reason of Object.values(HOST_PACKAGES)) expect(reason).not.toBe('');
  });
});
