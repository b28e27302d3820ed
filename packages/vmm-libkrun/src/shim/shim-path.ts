import { nativeBinary } from '@boxlite/platform';

/**
 * The shim program of this machine's platform package, or of `native/build` in a source checkout.
 * @returns an absolute path
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function shimPath(): string {
  return nativeBinary('boxlite-krun-shim');
}
