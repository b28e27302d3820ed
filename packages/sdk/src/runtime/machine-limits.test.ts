import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { machineLimits } from './machine-limits.js';

const MIB = 1024 ** 2;
const vmm = { memoryOverheadMib: ({ vcpus }: VmmSpec) => 40 + vcpus };
const spec = (parts: Partial<VmmSpec> = {}) =>
  ({ vcpus: 2, memoryMib: 512, shares: [], ...parts }) as unknown as VmmSpec;
const box = { diskSizeGb: 10 };

describe('the limits of a machine that was given none', () => {
  it('count the memory of the VMM itself: guest memory, its overhead, and what the kernel keeps for both', () => {
    const { maxMemory = 0, memoryHigh = 0 } = machineLimits({}, box, spec(), vmm);
    expect(maxMemory).toBe((512 + 42 + 64 + 16) * MIB);
    expect(memoryHigh).toBeGreaterThan((512 + 42) * MIB);
    expect(memoryHigh).toBeLessThan(maxMemory);
  });

  it('leave room for twice the disk, for a thread of each virtual CPU, and for one processor more than the guest has', () => {
    const { maxFileSize, maxProcesses, cpuQuota } = machineLimits({}, box, spec({ vcpus: 16 }), vmm);
    expect({ maxFileSize, cpuQuota }).toEqual({ maxFileSize: 20 * 1024 * MIB, cpuQuota: 17 });
    expect(maxProcesses).toBe(160);
    expect(machineLimits({}, box, spec({ vcpus: 255 }), vmm).maxProcesses).toBeGreaterThan(255 + 64);
  });

  it('give way to those that were given, one by one', () => {
    const limits = machineLimits({ maxProcesses: 7, cpuQuota: 0.5 }, box, spec(), vmm);
    expect(limits).toMatchObject({ maxProcesses: 7, cpuQuota: 0.5, maxFileSize: 20 * 1024 * MIB });
    expect(machineLimits({ memoryHigh: 5 }, box, spec(), vmm).memoryHigh).toBe(5);
  });

  it('slow a machine with a limit of its own down at a share of that, not where the default would', () => {
    expect(machineLimits({ maxMemory: 5 }, box, spec(), vmm)).not.toHaveProperty('memoryHigh');
  });
});
