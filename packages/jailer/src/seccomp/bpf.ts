/** One classic BPF instruction, `struct sock_filter` of linux/filter.h. */
export interface BpfInstruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly constant: number;
}

/** Bytes of an instruction, and the kernel's longest program (linux/bpf_common.h, BPF_MAXINSNS). */
export const BPF_INSTRUCTION_BYTES = 8;
export const BPF_MAX_INSTRUCTIONS = 4096;

/** The instruction codes used here (linux/bpf_common.h). */
export const BPF = {
  /** BPF_LD | BPF_W | BPF_ABS: accumulator = 32 bits of the data at a byte offset. */
  load: 0x20,
  /** BPF_JMP | BPF_JEQ | BPF_K */
  jumpEqual: 0x15,
  /** BPF_JMP | BPF_JGE | BPF_K, unsigned */
  jumpGreaterEqual: 0x35,
  /** BPF_JMP | BPF_JSET | BPF_K */
  jumpSet: 0x45,
  /** BPF_JMP | BPF_JA: skips `constant` instructions, however many */
  jump: 0x05,
  /** BPF_ALU | BPF_AND | BPF_K */
  and: 0x54,
  /** BPF_RET | BPF_K */
  return: 0x06,
} as const;

export function load(offset: number): BpfInstruction {
  return { code: BPF.load, jumpTrue: 0, jumpFalse: 0, constant: offset };
}

export function returnValue(constant: number): BpfInstruction {
  return { code: BPF.return, jumpTrue: 0, jumpFalse: 0, constant };
}

/** Runs `body` when the comparison holds, else skips it. `body` holds at most 255 instructions (8-bit jumps). */
export function when(
  comparison: 'jumpEqual' | 'jumpGreaterEqual' | 'jumpSet',
  constant: number,
  body: readonly BpfInstruction[],
): readonly BpfInstruction[] {
  if (body.length > 255) throw new RangeError(`a BPF jump cannot skip ${body.length} instructions`);
  return [{ code: BPF[comparison], jumpTrue: 0, jumpFalse: body.length, constant }, ...body];
}

/** The program as the kernel reads it, little-endian (both architectures are). */
export function encodeBpf(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * BPF_INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jumpTrue, jumpFalse, constant }] of program.entries()) {
    const offset = index * BPF_INSTRUCTION_BYTES;
    view.setUint16(offset, code, true);
    view.setUint8(offset + 2, jumpTrue);
    view.setUint8(offset + 3, jumpFalse);
    view.setUint32(offset + 4, constant >>> 0, true);
  }
  return bytes;
}
