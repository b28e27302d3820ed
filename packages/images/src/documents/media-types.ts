/** Media types of the OCI image-spec (media-types.md) and of Docker's image manifest version 2, schema 2. */
export const MEDIA_TYPE = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/** OCI's media types of layers, by compression. */
export const LAYER_TYPE = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: MEDIA_TYPE.ociLayerGzip,
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const;

const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerIndex];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.ociManifest, MEDIA_TYPE.dockerManifest];
const CONFIG_TYPES: readonly string[] = [MEDIA_TYPE.ociConfig, MEDIA_TYPE.dockerConfig];
const LAYER_TYPES: readonly string[] = [
  ...Object.values(LAYER_TYPE),
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
];

/** What a registry is asked for, indexes first. */
export const MANIFEST_ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ');

export type DocumentKind = 'index' | 'manifest';

/** `undefined` for a media type that names neither. Parameters (`; charset=…`) are ignored. */
export function documentKind(mediaType: string | undefined): DocumentKind | undefined {
  const bare = mediaType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (INDEX_TYPES.includes(bare)) return 'index';
  return MANIFEST_TYPES.includes(bare) ? 'manifest' : undefined;
}

export function isImageConfigType(mediaType: string): boolean {
  return CONFIG_TYPES.includes(mediaType);
}

export function isLayerType(mediaType: string): boolean {
  return LAYER_TYPES.includes(mediaType);
}

/** Layers that are fetched from somewhere else than the registry (CVE-2020-15157: credentials would go there too). */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.includes('nondistributable') || mediaType.includes('.foreign.');
}
