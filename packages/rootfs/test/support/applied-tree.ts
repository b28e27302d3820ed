import { type ContentStore, LayerApplier } from '../../src/layers/layer-applier.js';
import { type LayerLimits, layerLimitsOf } from '../../src/layers/layer-limits.js';
import { TarReader } from '../../src/tar/tar-reader.js';
import type { FileContent, NodeId, NodeMetadata } from '../../src/tree/image-node.js';
import { type TarEntrySpec, writeTar } from './write-tar.js';

/** Longer runs of zeros and contents are shown by their length. */
const SHOWN_BYTES = 64;

/** Keeps the content of files as text. */
class TextStore implements ContentStore {
  readonly released: string[] = [];
  readonly #texts: string[] = [];
  #text = '';
  #size = 0;

  write(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#text.length <= SHOWN_BYTES) this.#text += bytes.toString('latin1');
  }
  skip(count: number): void {
    this.#size += count;
    this.#text += count <= SHOWN_BYTES ? '\0'.repeat(count) : `<hole of ${count}>`;
  }
  endFile(): FileContent {
    const text = this.#text.length <= SHOWN_BYTES ? this.#text : `<${this.#size} bytes>`;
    // Where a disk would have the blocks, this one has the number of the text.
    const extents = [{ logical: 1, physical: this.#texts.push(text) - 1, length: 1 }];
    const content = { size: this.#size, extents };
    this.#text = '';
    this.#size = 0;
    return content;
  }
  release(content: FileContent): void {
    this.released.push(this.textOf(content));
  }
  textOf({ extents: [extent] }: FileContent): string {
    return extent === undefined ? '' : (this.#texts[extent.physical] ?? '');
  }
}

/** What layers add up to. */
export interface AppliedTree {
  /** Path to content, `/` for directories, `-> target` for symlinks, the kind for all others. */
  readonly files: Readonly<Record<string, string>>;
  /** Contents whose last name went away. */
  readonly released: readonly string[];
  /** What is at a path; undefined for nothing. Names of the same file have the same `node`. */
  lookUp(path: string): { readonly node: NodeId; readonly metadata: NodeMetadata; readonly links: number } | undefined;
}

/** Applies layers, given as entries or as whole archives, without a disk. */
export function applyLayers(
  layers: readonly (readonly TarEntrySpec[] | Buffer)[],
  limits: Partial<LayerLimits> = {},
): AppliedTree {
  const store = new TextStore();
  const resolved = layerLimitsOf(limits);
  const applier = new LayerApplier(store, resolved);
  for (const layer of layers) {
    applier.beginLayer();
    const reader = new TarReader(applier, resolved.maxHeaderBytes);
    reader.push(Buffer.isBuffer(layer) ? layer : writeTar(layer));
    reader.finish();
    applier.endLayer();
  }
  const tree = applier.tree.files;
  const files: Record<string, string> = {};
  const ids = new Map<string, NodeId>([['', tree.root]]);
  const walk = (directory: NodeId, path: string) => {
    for (const [name, node] of tree.children(directory)) {
      const kind = tree.nodes.kind(node);
      ids.set(`${path}${name}`, node);
      files[`${path}${name}`] =
        kind === 'directory'
          ? '/'
          : kind === 'symlink'
            ? `-> ${tree.nodes.target(node)}`
            : kind === 'file'
              ? store.textOf(tree.nodes.content(node))
              : kind;
      if (kind === 'directory') walk(node, `${path}${name}/`);
    }
  };
  walk(tree.root, '');
  return {
    files,
    released: store.released,
    lookUp: (path) => {
      const node = ids.get(path);
      return node === undefined
        ? undefined
        : { node, metadata: tree.nodes.metadata(node), links: tree.nodes.links(node) };
    },
  };
}
