import { Ext4Writer } from './ext4/ext4-writer.js';
import { encodeXattrs } from './ext4/xattr-encoding.js';
import type { ConversionOptions, ConvertedDisk, ImageConverter } from './image-converter.js';
import { LayerApplier } from './layers/layer-applier.js';
import { type LayerLimits, layerLimitsOf, limitExceeded } from './layers/layer-limits.js';
import { readLayer } from './layers/read-layer.js';
import { TarReader } from './tar/tar-reader.js';
import { treeDigest } from './tree/tree-digest.js';

/** Size of a disk whose size nobody chose: what Docker's and BoxLite's users expect to find. */
export const DEFAULT_DISK_BYTES = 10 * 1024 ** 3;
const PROGRESS_INTERVAL_BYTES = 1024 * 1024;

/**
 * Builds an ext4 disk from image layers, as an ordinary user and without unpacking anything to the host.
 *
 * @throws BoxliteError `layer_invalid`, `layer_escapes` (details name the entry), `resource_exhausted` (too large for the disk or the limits),
 * `disk_full`, `storage_error`, `invalid_argument`, `aborted`; and what a layer's source throws, such as `digest_mismatch`
 * @example
 * ```ts
 * await buildImageDisk({ layers: [skeletonLayer()], target: '/tmp/rootfs.ext4', sizeBytes: 16 * 1024 * 1024, journal: false });
 * ```
 */
export async function buildImageDisk(options: ConversionOptions): Promise<ConvertedDisk> {
  const sizeBytes = options.sizeBytes ?? DEFAULT_DISK_BYTES;
  const limits = layerLimitsOf(options);
  const writer = await Ext4Writer.create(options.target, {
    sizeBytes,
    journal: options.journal ?? true,
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  try {
    // What a file may carry is judged as it comes, so that the error can name it.
    const applier = new LayerApplier(writer, limits, encodeXattrs);
    await applyLayers(options, limits, applier, writer);
    const { files } = applier.tree;
    const { usedBytes } = await writer.finish(files, options.identity ?? treeDigest(files));
    return { sizeBytes, usedBytes, entries: applier.entries };
  } catch (thrown) {
    await writer.discard();
    throw thrown;
  }
}

/** The converter of {@link buildImageDisk}. */
export const ext4Converter: ImageConverter = { id: 'ext4', version: 3, convert: buildImageDisk };

async function applyLayers(
  { layers, signal, onProgress }: ConversionOptions,
  { maxBytes, maxHeaderBytes }: LayerLimits,
  applier: LayerApplier,
  writer: Ext4Writer,
): Promise<void> {
  let bytes = 0;
  let reported = 0;
  for (const [layer, stream] of layers.entries()) {
    onProgress?.({ layer, bytes, entries: applier.entries });
    applier.beginLayer();
    const reader = new TarReader(applier, maxHeaderBytes);
    const onPiece = async (piece: Buffer): Promise<void> => {
      bytes += piece.length;
      if (bytes > maxBytes) throw limitExceeded('maxBytes', maxBytes, `they unpack to more than ${maxBytes} bytes`);
      reader.push(piece);
      await writer.drain();
      if (onProgress !== undefined && bytes - reported >= PROGRESS_INTERVAL_BYTES) {
        reported = bytes;
        onProgress({ layer, bytes, entries: applier.entries });
      }
    };
    const what = `layer ${layer + 1} of ${layers.length}`;
    await readLayer(typeof stream === 'function' ? stream() : stream, onPiece, what, signal);
    reader.finish();
    applier.endLayer();
  }
  onProgress?.({ layer: layers.length, bytes, entries: applier.entries });
}
