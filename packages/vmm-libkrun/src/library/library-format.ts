/** Bytes at the start of a file that {@link libraryFormatProblem} needs. */
export const LIBRARY_HEADER_BYTES = 64;

/** ELF `e_machine` (System V ABI) by `process.arch`. */
const ELF_MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const ELF_MACHINE_NAMES: Readonly<Record<number, string>> = {
  3: '32-bit x86',
  40: '32-bit ARM',
  62: 'x86-64',
  183: 'arm64',
  243: 'RISC-V',
};
const ET_DYN = 3;
/** Mach-O: `MH_MAGIC_64` as it lies in a little-endian file, `FAT_MAGIC` as it lies in any (mach-o/loader.h, mach-o/fat.h). */
const MH_MAGIC_64 = 0xfeedfacf;
const FAT_MAGIC = 0xcafebabe;
/** `CPU_TYPE_X86_64`, `CPU_TYPE_ARM64` (mach/machine.h). */
const MACH_CPU_TYPES: Readonly<Record<string, number>> = { x64: 0x01000007, arm64: 0x0100000c };

/**
 * Why a file cannot be a library of this process, found without loading it: the loader's own message of a wrong architecture does not say so.
 * @param bytes the first {@link LIBRARY_HEADER_BYTES} of the file
 * @param platform as `process.platform`
 * @param architecture as `process.arch`
 * @returns the rest of a sentence that starts with the file's name, or undefined
 */
export function libraryFormatProblem(bytes: Uint8Array, platform: string, architecture: string): string | undefined {
  if (bytes.length < LIBRARY_HEADER_BYTES) return 'is too short to be a library';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return platform === 'darwin' ? machProblem(view, architecture) : elfProblem(view, architecture);
}

function elfProblem(view: DataView, architecture: string): string | undefined {
  if (view.getUint32(0) !== 0x7f454c46) return 'is not an ELF library';
  const machine = view.getUint16(18, view.getUint8(5) === 1);
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1 || machine !== ELF_MACHINES[architecture]) {
    const found = ELF_MACHINE_NAMES[machine] ?? `machine ${machine}`;
    return `is built for ${found}, and this Node.js for ${nameOf(architecture)}`;
  }
  if (view.getUint16(16, true) !== ET_DYN) return 'is an ELF file but not a shared library';
  return undefined;
}

function machProblem(view: DataView, architecture: string): string | undefined {
  // A universal file holds several; the loader picks, and says so if none fits.
  if (view.getUint32(0) === FAT_MAGIC) return undefined;
  if (view.getUint32(0, true) !== MH_MAGIC_64) return 'is not a 64-bit Mach-O library';
  if (view.getUint32(4, true) === MACH_CPU_TYPES[architecture]) return undefined;
  return `is built for another processor than this Node.js (${nameOf(architecture)})`;
}

function nameOf(architecture: string): string {
  const machine = ELF_MACHINES[architecture];
  return (machine === undefined ? undefined : ELF_MACHINE_NAMES[machine]) ?? architecture;
}
