export const ARM64_EMULATOR: string;
export function arm64MachineObstacle(): string | undefined;
export function arm64MachineFiles(): {
  kernel: string;
  busybox: string;
  modules: { path: string; content: Buffer }[];
};
