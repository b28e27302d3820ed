import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** Path of a cached guest kernel. @throws BoxliteError `invalid_argument` unless the name is 64 lower-case hexadecimal digits */
export function kernelFile(kernelsDir: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new BoxliteError('invalid_argument', `${JSON.stringify(sha256.slice(0, 160))} is not a kernel's SHA-256`, {
      hint: 'kernels are named by 64 lower-case hexadecimal digits',
      details: { field: 'sha256' },
    });
  }
  return join(kernelsDir, sha256);
}
