import { nativeBinary } from '@boxlite/platform';

/**
 * The static supervisor program of this machine's platform package, or of `native/build` in a source checkout.
 * @returns an absolute path
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function supervisorBinaryPath(): string {
  return nativeBinary('boxlite-supervisor');
}
