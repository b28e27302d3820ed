import { describe, expect, it } from 'vitest';
import { encodeRefcountBlock, encodeRefcountTable, planRefcounts } from './refcount-plan.js';

describe('planRefcounts', () => {
  it.each([2, 32_765, 32_766, 32_767, 32_768, 65_535, 65_536, 100_000_000, 268_435_456, 300_000_000])(
    'counts every one of %d clusters and the counts themselves, and wastes no block',
    (used) => {
      const plan = planRefcounts(used);
      expect(plan.totalClusters).toBe(used + plan.blockCount + plan.tableClusters);
      expect(plan.blockCount * 32_768).toBeGreaterThanOrEqual(plan.totalClusters);
      expect((plan.blockCount - 1) * 32_768).toBeLessThan(plan.totalClusters);
      expect(plan.tableClusters * 8_192).toBeGreaterThanOrEqual(plan.blockCount);
      expect([plan.firstBlock, plan.tableCluster]).toEqual([used, used + plan.blockCount]);
    },
  );

  it('is written as ones up to the last cluster, zeros after it', () => {
    const plan = planRefcounts(32_767);
    expect(plan).toMatchObject({ blockCount: 2, tableClusters: 1, totalClusters: 32_770 });
    expect(encodeRefcountBlock(plan, 0).toString('hex')).toBe('0001'.repeat(32_768));
    expect(encodeRefcountBlock(plan, 1).subarray(0, 6).toString('hex')).toBe('000100010000');
    expect(encodeRefcountTable(plan).readBigUInt64BE(8)).toBe(32_768n * 65_536n);
  });
});
