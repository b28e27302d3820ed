import type { Header } from 'tar-stream';

/** An entry of a layer made here. */
export interface SyntheticEntry {
  readonly name: string;
  readonly type: 'directory' | 'file' | 'character-device';
  /** Permission bits. */
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly major?: number;
  readonly minor?: number;
}

/**
 * An uncompressed layer of a few entries, all owned by root with times of zero: the same entries give the same bytes.
 */
export async function* tarLayer(entries: readonly SyntheticEntry[]): AsyncGenerator<Uint8Array, void, undefined> {
  // Loaded here: most starts make no layer.
  const { pack } = await import('tar-stream');
  const layer = pack();
  for (const { name, type, mode, content, major, minor } of entries) {
    const header: Pick<Header, 'name'> & Partial<Header> = {
      name,
      type,
      mode,
      mtime: new Date(0),
      size: content?.length ?? 0,
      ...(major === undefined ? {} : { devmajor: major }),
      ...(minor === undefined ? {} : { devminor: minor }),
    };
    if (content === undefined) layer.entry(header);
    else layer.entry(header, Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  }
  layer.finalize();
  // The stream is iterable, but the types of tar-stream do not say so.
  yield* layer as unknown as AsyncIterable<Uint8Array>;
}
