import type { KernelManifest } from '../index.mjs';
import type { BuildInputs } from './inputs.mjs';

export function compileKernel(
  target: string,
  from: BuildInputs,
  options: {
    readonly workshop: string;
    readonly out: string;
    readonly report?: (words: string) => void;
    readonly signal?: AbortSignal;
    readonly jobs?: number;
  },
): Promise<KernelManifest>;
