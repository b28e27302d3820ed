import { BPF, BPF_INSTRUCTION_BYTES } from '../src/seccomp/bpf.js';

/** `struct seccomp_data` of one system call. */
export interface SyscallData {
  readonly number: number;
  readonly architecture: number;
  readonly args?: readonly (number | bigint)[];
}

/** Runs a filter the way the kernel does and gives its return value. Throws for what the kernel would refuse to load. */
export function runFilter(program: Uint8Array, data: SyscallData): number {
  return traceFilter(program, data).verdict;
}

/** The same, with the number of instructions it took. */
export function traceFilter(
  program: Uint8Array,
  { number, architecture, args = [] }: SyscallData,
): { readonly verdict: number; readonly steps: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number >>> 0, true);
  data.setUint32(4, architecture >>> 0, true);
  for (const [index, value] of args.entries())
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, BigInt(value)), true);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  let steps = 0;
  for (let at = 0; at < program.byteLength; ) {
    const operation = code.getUint16(at, true);
    const constant = code.getUint32(at + 4, true);
    at += BPF_INSTRUCTION_BYTES;
    steps++;
    const jump = (holds: boolean) => {
      at += BPF_INSTRUCTION_BYTES * code.getUint8(at - BPF_INSTRUCTION_BYTES + (holds ? 2 : 3));
    };
    if (operation === BPF.load) {
      if (constant % 4 !== 0 || constant > 60) throw new Error(`load of offset ${constant}`);
      accumulator = data.getUint32(constant, true);
    } else if (operation === BPF.jumpEqual) jump(accumulator === constant);
    else if (operation === BPF.jumpGreaterEqual) jump(accumulator >= constant);
    else if (operation === BPF.jumpSet) jump((accumulator & constant) !== 0);
    else if (operation === BPF.jump) at += BPF_INSTRUCTION_BYTES * constant;
    else if (operation === BPF.and) accumulator = (accumulator & constant) >>> 0;
    else if (operation === BPF.return) return { verdict: constant, steps };
    else throw new Error(`unknown instruction ${operation}`);
  }
  throw new Error('the program runs past its end');
}
