import { invalidLayer } from '../tar/tar-entry.js';
import { type ByteString, displayName, type NodeId } from '../tree/image-node.js';

/** What a hard link is made from. */
export interface HardLink {
  readonly name: ByteString;
  readonly linkName: ByteString;
}

interface LateLink extends HardLink {
  /** What was under its name when it came. */
  readonly before: NodeId | undefined;
}

/** Of one link, beside its texts. */
const LINK_BYTES = 150;
/** Links to links to links, each standing before the next: one round makes all that stand in one order. */
const MAX_ROUNDS = 16;

/** Hard links that stand in a layer before their targets, which other tools than tar write. They are made when all entries are known. */
export class LateLinks {
  #links: LateLink[] = [];
  #bytes = 0;

  /** Memory they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param before what is under its name now */
  add({ name, linkName }: HardLink, before: NodeId | undefined): void {
    this.#links.push({ name, linkName, before });
    this.#bytes += LINK_BYTES + name.length + linkName.length;
  }

  /**
   * Makes all links of a layer and forgets them.
   * @param make returns false when the target does not exist (yet)
   * @throws BoxliteError `layer_invalid` for a link to nothing, and what `make` throws
   */
  resolve(make: (link: HardLink, before: NodeId | undefined) => boolean): void {
    let pending = this.#links;
    this.#links = [];
    this.#bytes = 0;
    for (let round = 0; pending.length > 0 && round < MAX_ROUNDS; round++) {
      const left = pending.filter((link) => !make(link, link.before));
      if (left.length === pending.length) break;
      // Both directions in turn: a chain of any length written in one order takes one round.
      pending = left.reverse();
    }
    const [link] = pending;
    if (link === undefined) return;
    const shown = JSON.stringify(displayName(link.linkName).slice(0, 512));
    throw invalidLayer(`it is a hard link to ${shown}, which does not exist`, link.name, 'linkName');
  }
}
