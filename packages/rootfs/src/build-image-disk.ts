import { BoxliteError } from '@boxlite/core';
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
/** Half of what a disk that fits its content can grow to. */
const MAX_MINIMUM_BYTES = 512 * 1024 ** 3;
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
  const limits = layerLimitsOf(options);
  const writer = await Ext4Writer.create(options.target, {
    sizeBytes: sizeOf(options, limits),
    journal: options.journal ?? true,
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  try {
    // What a file may carry is judged as it comes, so that the error can name it.
    const applier = new LayerApplier(writer, limits, encodeXattrs);
    await applyLayers(options, limits, applier, writer);
    const { files } = applier.tree;
    const { sizeBytes, usedBytes } = await writer.finish(files, options.identity ?? treeDigest(files));
    return { sizeBytes, usedBytes, entries: applier.entries };
  } catch (thrown) {
    await writer.discard();
    throw options.sizeBytes === 'fit' ? asLimit(thrown, limits) : thrown;
  }
}

/** The converter of {@link buildImageDisk}. */
export const ext4Converter: ImageConverter = { id: 'ext4', version: 3, convert: buildImageDisk };

function sizeOf({ sizeBytes = DEFAULT_DISK_BYTES, minBytes = 0 }: ConversionOptions, { maxBytes }: LayerLimits) {
  return sizeBytes === 'fit' ? { minBytes: checkedMinimum(minBytes), maxBytes } : sizeBytes;
}

function checkedMinimum(minBytes: number): number {
  if (Number.isSafeInteger(minBytes) && minBytes >= 0 && minBytes <= MAX_MINIMUM_BYTES) return minBytes;
  throw new BoxliteError('invalid_argument', `${minBytes} bytes is no minimum size for an image disk`, {
    hint: `use a whole number of bytes up to ${MAX_MINIMUM_BYTES}`,
    details: { field: 'minBytes' },
  });
}

/** Without a disk size of the caller's, what does not fit is more than the layers were allowed to have. */
function asLimit(thrown: unknown, { maxBytes }: LayerLimits): unknown {
  const isFull = BoxliteError.isInstance(thrown, 'resource_exhausted') && thrown.details.field === 'sizeBytes';
  return isFull ? limitExceeded('maxBytes', maxBytes, 'their files take more than twice the bytes allowed') : thrown;
}

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
      // What is allowed is read first: the error is the same whatever pieces the bytes come in.
      reader.push(piece.subarray(0, maxBytes - bytes));
      bytes += piece.length;
      if (bytes > maxBytes) throw limitExceeded('maxBytes', maxBytes, `they unpack to more than ${maxBytes} bytes`);
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
