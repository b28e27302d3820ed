export const INHERITED: {
  readonly out: number;
  readonly err: number;
  readonly control: number;
  readonly console: number;
};
export function qemuArguments(host: {
  readonly kernel: string;
  readonly initramfs: string;
  readonly rootDisk: string;
  readonly checkoutSocket: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly jobBytes: number;
}): string[];
