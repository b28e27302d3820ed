/**
 * A kernel of a few hundred bytes for tests of the VMM's surroundings: entered by PVH in 32-bit protected mode, it writes a text to the
 * first serial port and resets the machine by a triple fault (with `-no-reboot` QEMU then exits with 0).
 */
export function tinyPvhKernel(text: string): Uint8Array {
  const message = Buffer.from(text, 'latin1');
  const load = 0x100000;
  // mov esi, message; mov ecx, length; mov edx, 0x3f8; cld; rep outsb; lidt [empty]; int3; hlt
  const code = Buffer.alloc(0x40);
  const messageAt = code.length;
  const emptyAt = messageAt + message.length;
  let at = 0;
  const emit = (...bytes: number[]) => {
    for (const byte of bytes) at = code.writeUInt8(byte, at);
  };
  const emitWord = (value: number) => {
    at = code.writeUInt32LE(value, at);
  };
  emit(0xbe);
  emitWord(load + messageAt);
  emit(0xb9);
  emitWord(message.length);
  emit(0xba);
  emitWord(0x3f8);
  emit(0xfc, 0xf3, 0x6e, 0x0f, 0x01, 0x1d);
  emitWord(load + emptyAt);
  emit(0xcc, 0xf4);
  const image = Buffer.concat([code, message, Buffer.alloc(6)]);

  // ELF header, PT_LOAD, PT_NOTE holding the Xen note of type 18 (32-bit physical entry), then the image at 0x1000.
  const file = Buffer.alloc(0x1000 + image.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(load), 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (index: number, type: number, flags: number, offset: number, address: number, size: number) => {
    const header = 64 + index * 56;
    file.writeUInt32LE(type, header);
    file.writeUInt32LE(flags, header + 4);
    file.writeBigUInt64LE(BigInt(offset), header + 8);
    file.writeBigUInt64LE(BigInt(address), header + 16);
    file.writeBigUInt64LE(BigInt(address), header + 24);
    file.writeBigUInt64LE(BigInt(size), header + 32);
    file.writeBigUInt64LE(BigInt(size), header + 40);
    file.writeBigUInt64LE(4n, header + 48);
  };
  segment(0, 1, 5, 0x1000, load, image.length);
  segment(1, 4, 4, 0x100, 0, 20);
  file.writeUInt32LE(4, 0x100);
  file.writeUInt32LE(4, 0x104);
  file.writeUInt32LE(18, 0x108);
  file.write('Xen\0', 0x10c, 'latin1');
  file.writeUInt32LE(load, 0x110);
  file.set(image, 0x1000);
  return file;
}
