export interface Suite {
  readonly name: string;
  /** Of vitest: files or the beginnings of their paths. */
  readonly files: readonly string[];
  /** A regular expression over titles; default: every test. */
  readonly pattern?: string;
  /** Besides that of the host. */
  readonly env?: Readonly<Record<string, string>>;
  /** After which it counts as hung. */
  readonly limitSeconds: number;
  /** The column of architecture/parity.md that this run fills. */
  readonly parity?: string;
}
export interface Boot {
  readonly user: 'root' | 'ordinary';
  readonly runsBox: boolean;
  readonly suites: readonly Suite[];
}
export const SUITES: readonly Suite[];
export const SMOKE_SUITES: readonly Suite[];
export const SLOWNESS: number;
export function plan(asked: {
  readonly smoke: boolean;
  readonly only?: string;
  readonly files?: readonly string[];
}): Boot[];
export function vitestArguments(suite: Suite): string[];
