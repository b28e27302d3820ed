export interface BuildInputs {
  readonly key: string;
  readonly inputs: Readonly<Record<string, string | number>>;
  readonly config: string;
  readonly patches: readonly string[];
}
export function buildInputs(target: string, signal?: AbortSignal): Promise<BuildInputs>;
export function cacheKey(inputs: Readonly<Record<string, unknown>>): string;
export function sha256(data: string | Uint8Array): string;
export function sha256OfFile(path: string, signal?: AbortSignal): Promise<string>;
