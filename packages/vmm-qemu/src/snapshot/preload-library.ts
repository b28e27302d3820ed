import { nativeBinary } from '@boxlite/platform';

/**
 * The library that makes QEMU open the memory of a snapshot for reading only.
 *
 * QEMU opens the file of a private mapping for reading and writing. Since 8.2 `readonly=on,rom=off` says otherwise, but then it refuses to give back
 * what the guest does not need (`ram_block_discard_range`), so the library is used with every version.
 * @throws BoxliteError `native_missing`
 */
export function preloadLibrary(): string {
  return nativeBinary('boxlite-memory');
}

/** What the library and the loader read. */
export function preloadEnvironment(memory: string): Readonly<Record<string, string>> {
  return { LD_PRELOAD: preloadLibrary(), BOXLITE_MEMORY: memory };
}
