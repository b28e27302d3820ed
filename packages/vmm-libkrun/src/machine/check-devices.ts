import type { VmmSpec } from '@boxlite/core';
import { IMPLICIT_DEVICES, MAX_DEVICES, MAX_TAG_BYTES } from './machine-limits.js';
import { refuse } from './refuse.js';

/** Six pairs of hexadecimal digits; the lowest bit of the first would make it an address of many. */
const UNICAST_MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i;

/** Checks what becomes virtio devices, and how many there are. @throws BoxliteError `unsupported`, `invalid_argument` */
export function checkDevices(spec: VmmSpec, arch: string): void {
  checkCount(spec, MAX_DEVICES[arch] ?? Math.min(...Object.values(MAX_DEVICES)));
  for (const [index, { format }] of spec.disks.entries()) {
    if (format !== 'raw' && format !== 'qcow2') {
      const message = `${JSON.stringify(format)} is no disk format`;
      refuse('invalid_argument', `disks[${index}].format`, message, 'give "raw" or "qcow2"');
    }
  }
  const tags = new Set<string>();
  for (const [index, { tag }] of spec.shares.entries()) {
    const field = `shares[${index}].tag`;
    const size = Buffer.byteLength(tag);
    if (size < 1 || size > MAX_TAG_BYTES || tag.includes('\0')) {
      const message = `${JSON.stringify(tag.slice(0, 100))} is no tag of a share`;
      refuse('invalid_argument', field, message, `use 1 to ${MAX_TAG_BYTES} bytes`);
    }
    if (tags.has(tag)) {
      refuse('invalid_argument', field, `two shares have the tag ${JSON.stringify(tag)}`, 'give each its own');
    }
    tags.add(tag);
  }
  for (const [index, { macAddress }] of spec.nics.entries()) {
    if (!UNICAST_MAC.test(macAddress)) {
      const message = `${JSON.stringify(macAddress.slice(0, 100))} is no unicast MAC address`;
      refuse('invalid_argument', `nics[${index}].macAddress`, message, 'give one such as 02:00:00:00:00:01');
    }
  }
}

function checkCount({ disks, shares, nics }: VmmSpec, most: number): void {
  const free = most - IMPLICIT_DEVICES;
  const wanted = disks.length + shares.length + nics.length;
  if (wanted <= free) return;
  // The kind there is most of is where something can be left out.
  const [field] = Object.entries({ disks, shares, nics }).sort(([, a], [, b]) => b.length - a.length)[0] ?? ['disks'];
  refuse(
    'unsupported',
    field,
    `${disks.length} disks, ${shares.length} shares and ${nics.length} network cards are ${wanted} devices, and a machine of libkrun has room for ${free} beside its console, vsock, rng and balloon`,
    `use at most ${free} together: share one directory that holds the others`,
  );
}
