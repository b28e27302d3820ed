export interface RunJob {
  readonly command: string;
  readonly user: 'root' | 'ordinary';
  readonly env: Readonly<Record<string, string>>;
  readonly checkout?: string;
  readonly timeoutSeconds?: number;
  readonly memoryMiB?: number;
  readonly cpus?: number;
}
export const USAGE: string;
export function runArguments(
  args: readonly string[],
): { readonly job: RunJob } | { readonly build: true } | { readonly help: true } | { readonly error: string };
