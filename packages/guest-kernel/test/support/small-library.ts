import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const LOAD_ADDRESS = 0x1000000;

/** 8 KiB that have what is looked for in a kernel: a banner and a PVH note. */
export function smallKernelImage(options: { readonly banner?: string; readonly pvhEntry?: number } = {}): Buffer {
  const image = Buffer.alloc(8192, 0x90);
  image.write(`${options.banner ?? 'Linux version 6.99.1 (nobody@nowhere) #1'}\0`, 4096, 'latin1');
  const note = Buffer.from('040000000400000012000000586e6500', 'hex');
  note.write('Xen\0', 12, 'latin1');
  note.copy(image, 6000);
  image.writeUInt32LE(options.pvhEntry ?? LOAD_ADDRESS + 64, 6016);
  return image;
}

/** Compiles a real shared library of the shape of libkrunfw around an image. */
export async function compileLibrary(
  directory: string,
  image: Uint8Array,
  options: { readonly optimise?: string; readonly name?: string; readonly entry?: number; readonly size?: number } = {},
): Promise<string> {
  const imagePath = join(directory, 'image.bin');
  const sourcePath = join(directory, 'library.c');
  const path = join(directory, options.name ?? 'libkrunfw.so.5');
  await writeFile(imagePath, image);
  await writeFile(
    sourcePath,
    `#include <stddef.h>
__asm__(".data\\n.balign 4096\\n.globl KERNEL_BUNDLE\\n.type KERNEL_BUNDLE,@object\\n.size KERNEL_BUNDLE,${image.length}\\n"
        "KERNEL_BUNDLE: .incbin \\"${imagePath}\\"\\n");
extern char KERNEL_BUNDLE[];
char *krunfw_get_kernel(size_t *load, size_t *entry, size_t *size)
{
    *load = ${LOAD_ADDRESS}; *entry = ${options.entry ?? LOAD_ADDRESS + 0x123}; *size = ${options.size ?? image.length};
    return KERNEL_BUNDLE;
}
`,
  );
  await run('gcc', ['-shared', '-fPIC', options.optimise ?? '-O0', '-o', path, sourcePath]);
  return path;
}
