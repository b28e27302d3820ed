export { AGENT_PATH, agentLayer } from './agent-layer.js';
export { buildImageDisk, DEFAULT_DISK_BYTES, ext4Converter } from './build-image-disk.js';
export type {
  ConversionOptions,
  ConversionProgress,
  ConvertedDisk,
  ImageConverter,
  LayerStream,
} from './image-converter.js';
export { skeletonLayer } from './skeleton-layer.js';
