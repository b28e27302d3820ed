import type { HardwareProbe, KvmStatus } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { chooseAccelerator } from './accelerator.js';

const usable: KvmStatus = { state: 'usable', apiVersion: 12 };
const denied: KvmStatus = { state: 'denied', reason: 'not allowed', remedy: 'join the group' };
const hardware = (status: KvmStatus): HardwareProbe => ({ kvm: async () => status, tscKhz: async () => 3_000_000 });

describe('chooseAccelerator', () => {
  it('takes KVM when the probe has run code in it, else TCG with the reason', async () => {
    expect(await chooseAccelerator('auto', hardware(usable))).toMatchObject({ accelerator: 'kvm' });
    expect(await chooseAccelerator('auto', hardware(denied))).toEqual({
      accelerator: 'tcg',
      reason: 'not allowed',
      tscKhz: 3_000_000,
    });
  });

  it('keeps to TCG when that is chosen, whatever the hardware', async () => {
    expect(await chooseAccelerator('tcg', hardware(usable))).toMatchObject({ accelerator: 'tcg' });
  });

  it('refuses when KVM is demanded and not usable, with the remedy of the probe', async () => {
    await expect(chooseAccelerator('kvm', hardware(denied))).rejects.toMatchObject({
      code: 'vmm_unavailable',
      hint: 'join the group',
      details: { field: 'accelerator', state: 'denied' },
    });
  });

  it('does without the frequency of the counter where no probe tells it', async () => {
    expect(await chooseAccelerator('tcg', { kvm: async () => denied })).toEqual({
      accelerator: 'tcg',
      reason: 'chosen',
    });
  });
});
