import { expect, it } from 'vitest';
import { defaultVmm } from './default-vmm.js';

it('the environment chooses the VMM of boxes that name none; an empty variable is none', () => {
  expect(defaultVmm({ BOXLITE_VMM: 'qemu' })).toBe('qemu');
  expect(defaultVmm({ BOXLITE_VMM: '' })).toBeUndefined();
  expect(defaultVmm({})).toBeUndefined();
});
