import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, errnoOf, type GuestKernel, type KernelSource, throwIfAborted } from '@boxlite/core';

let staged = 0;

/** The smallest file that is a kernel to whoever looks: an ELF header, one program header, and a PVH note. */
export function modelKernel(): Uint8Array {
  const bytes = Buffer.alloc(256);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(4, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(20n, 64 + 32);
  bytes.writeUInt32LE(4, 120);
  bytes.writeUInt32LE(4, 124);
  bytes.writeUInt32LE(18, 128);
  bytes.write('Xen\0', 132, 'latin1');
  return bytes;
}

/** The least that is a {@link KernelSource}: it has one kernel, in its own memory. */
export function createModelKernelSource(home: string, bytes = modelKernel()): KernelSource {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
  const path = join(home, 'kernels', digest.slice('sha256:'.length));
  const kernel: GuestKernel = { path, digest, version: '6.1.0-model', origin: 'memory' };
  return {
    id: 'model',
    async kernel(signal) {
      throwIfAborted(signal, 'finding the model of a kernel');
      for (const name of ['kernels', 'tmp']) await mkdir(join(home, name), { recursive: true, mode: 0o700 });
      const found = await readFile(path).catch((thrown: unknown) => {
        if (errnoOf(thrown) === 'ENOENT') return undefined; // not made yet
        throw thrown;
      });
      if (found === undefined || !found.equals(bytes)) {
        staged += 1;
        const staging = join(home, 'tmp', `kernel-${staged}`);
        await writeFile(staging, bytes, { mode: 0o600 });
        await rename(staging, path);
      }
      throwIfAborted(signal, 'finding the model of a kernel');
      return kernel;
    },
  };
}

/** One that has looked in vain. */
export function createHopelessKernelSource(): KernelSource {
  return {
    id: 'hopeless',
    async kernel() {
      const places = ['/usr/lib/kernel.so', 'the package of kernels'];
      throw new BoxliteError('kernel_unavailable', `no kernel was found:\n  ${places.join('\n  ')}`, {
        hint: 'install one',
        details: { places },
      });
    },
  };
}
