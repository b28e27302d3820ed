/** One entry of a tar archive; names and targets are written as they are. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'hardlink' | 'symlink' | 'directory';
  /** Default: 0755 for directories, else 0644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Of a link. */
  readonly target?: string;
  readonly content?: string | Uint8Array;
}

export interface Busybox {
  readonly path: string;
  readonly binary: Buffer;
  readonly architecture: 'amd64' | 'arm64';
  /** Such as `bin/ls`. */
  readonly applets: readonly string[];
}

export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface OciImage {
  /** By the hex of their digests. */
  readonly blobs: Map<string, Buffer>;
  readonly index: unknown;
  readonly manifestDigest: string;
  readonly layerDescriptors: readonly OciDescriptor[];
}

/** The `config` of an image's configuration, in OCI's words. */
export interface OciImageConfig {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export function tarArchive(entries: readonly TarEntry[]): Buffer;
export function findBusybox(): Busybox;
export function busyboxEntries(busybox: Pick<Busybox, 'binary' | 'applets'>): TarEntry[];
export function ociImage(content: {
  readonly layers: readonly Buffer[];
  readonly config: OciImageConfig;
  readonly architecture: string;
  readonly tag?: string;
  /** Default: gzip. */
  readonly compress?: (tar: Buffer) => Buffer;
}): OciImage;
export function writeOciLayout(directory: string, image: Pick<OciImage, 'blobs' | 'index'>): void;
export function buildStarterImage(directory: string): string;
