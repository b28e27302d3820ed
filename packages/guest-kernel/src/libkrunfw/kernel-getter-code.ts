import { kernelInvalid } from '../kernel-invalid.js';

/** What `krunfw_get_kernel(&load, &entry, &size)` stores into its three arguments. */
export interface KernelGetterValues {
  readonly loadAddress: number;
  readonly entry: number;
  readonly size: number;
}

/**
 * Reads the three constants out of the machine code of `krunfw_get_kernel`, without running a byte of it.
 *
 * Compilers store each with `mov qword [reg], imm32` (REX.W C7 /0, Intel SDM volume 2, MOV). Unoptimised code goes through one register, in
 * the order of the arguments; optimised code stores through RDI, RSI and RDX, the argument registers of the System V ABI, in any order.
 * @param code the bytes of the function
 * @throws BoxliteError `kernel_unavailable` when the code is not of that kind
 */
export function decodeKernelGetter(code: Uint8Array): KernelGetterValues {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const stores: { register: number; value: number }[] = [];
  for (let at = 0; at + 7 <= code.length; at++) {
    const register = code[at + 2] ?? 0xff;
    // ModRM with mod 00, /0 and a plain base register: 4 would be a SIB byte, 5 RIP-relative.
    const isStore = code[at] === 0x48 && code[at + 1] === 0xc7 && register < 8 && register !== 4 && register !== 5;
    if (!isStore) continue;
    stores.push({ register, value: view.getUint32(at + 3, true) });
    at += 6;
  }
  const rdi = 7;
  const rsi = 6;
  const rdx = 2;
  const through = (register: number) => stores.find((store) => store.register === register)?.value;
  const isOptimised = new Set(stores.map((store) => store.register)).size === 3;
  const [loadAddress, entry, size] = isOptimised
    ? [through(rdi), through(rsi), through(rdx)]
    : stores.map((store) => store.value);
  if (stores.length !== 3 || loadAddress === undefined || entry === undefined || size === undefined) {
    throw kernelInvalid('krunfw_get_kernel', 'has a krunfw_get_kernel of an unknown form');
  }
  return { loadAddress, entry, size };
}
