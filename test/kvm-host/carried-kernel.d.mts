export function carriedKernel(options: {
  readonly checkout: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly say?: (line: string) => void;
}): Record<string, string>;
