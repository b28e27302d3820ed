export interface CpioEntry {
  readonly path: string;
  /** Default: 0755 for a directory, 0644 for a file. */
  readonly mode?: number;
  /** Without it the entry is a directory. */
  readonly data?: Uint8Array;
}
export function cpioArchive(entries: readonly CpioEntry[]): Buffer;
