import type { Extent } from '../tree/image-node.js';

/** The most blocks of one initialised extent (ee_len above 32768 means "unwritten"). */
const MAX_EXTENT_BLOCKS = 32_768;

/** Collects extents in ascending logical order, joining those that continue each other. */
export class ExtentList {
  readonly list: Extent[] = [];

  append(logical: number, physical: number, length: number): void {
    let at = logical;
    let disk = physical;
    let left = length;
    const last = this.list[this.list.length - 1];
    if (last !== undefined && last.logical + last.length === at && last.physical + last.length === disk) {
      const joined = Math.min(left, MAX_EXTENT_BLOCKS - last.length);
      last.length += joined;
      at += joined;
      disk += joined;
      left -= joined;
    }
    while (left > 0) {
      const part = Math.min(left, MAX_EXTENT_BLOCKS);
      this.list.push({ logical: at, physical: disk, length: part });
      at += part;
      disk += part;
      left -= part;
    }
  }
}
