import { describe, expect, it } from 'vitest';
import { decodeKernelGetter } from './kernel-getter-code.js';

const values = { loadAddress: 0x1000000, entry: 0x1000123, size: 0x1490000 };

describe('decodeKernelGetter', () => {
  it('reads unoptimised code, which stores the arguments in order through one register', () => {
    const code = Buffer.from(
      '554889e548897df8488975f0488955e8' +
        '488b45f848c70000000001488b45f048c70023010001488b45e848c70000004901488b05972e00005dc3',
      'hex',
    );
    expect(decodeKernelGetter(code)).toEqual(values);
  });

  it('reads optimised code, whatever the order of its stores', () => {
    const load = '48c70700000001';
    const entry = '48c70623010001';
    const size = '48c70200004901';
    for (const order of [load + entry + size, size + load + entry]) {
      expect(decodeKernelGetter(Buffer.from(`f30f1efa${order}488b05972e0000c3`, 'hex'))).toEqual(values);
    }
  });

  it.each([
    ['nothing', ''],
    ['only two stores', '48c7070000000148c70623010001c3'],
    ['a fourth store', '48c7070000000148c7062301000148c7020000490148c70200004901c3'],
    ['a store that is cut off', '48c7070000000148c7062301000148c7020000'],
  ])('refuses code with %s', (_, hex) => {
    expect(() => decodeKernelGetter(Buffer.from(hex, 'hex'))).toThrowError(
      expect.objectContaining({ code: 'kernel_unavailable', details: { field: 'krunfw_get_kernel' } }),
    );
  });
});
