import { resolve } from 'node:path';
import { BoxliteError, escapeText } from '@boxlite/core';
import { formatImageReference, parseImageReference } from './image-reference.js';

/** A reference to an image on this machine. */
export interface LocalReference {
  /** `oci`: the directory of an OCI image layout; `oci-archive`: a tar file of one; `docker-archive`: what `docker save` writes. */
  readonly kind: 'oci' | 'oci-archive' | 'docker-archive';
  /** Absolute. */
  readonly path: string;
  /**
   * Which of its images: the annotation `org.opencontainers.image.ref.name` of an entry of `index.json`, or an image's name. Of
   * `docker-archive` always the whole name, as {@link formatImageReference} has it.
   */
  readonly tag?: string;
}

const LOCAL_KIND = /^(oci|oci-archive|docker-archive):/;
/** Transports of other tools that people try; accepted by the local source so that it can say what to do instead. */
const FOREIGN_KIND = /^(?:(docker-daemon|containers-storage):|(dir|sif):[./~])/;

// PATH_MAX of Linux (limits.h), the bound for paths a system call accepts.
const MAX_PATH_LENGTH = 4096;
const MAX_TAG_LENGTH = 255;
const TAG = /^[A-Za-z0-9]+(?:[-._:@+/]+[A-Za-z0-9]+)*$/;

/** True for the kinds of reference that name something on this machine. Pure: the path is not looked at. */
export function isLocalReference(text: string): boolean {
  return LOCAL_KIND.test(text) || FOREIGN_KIND.test(text);
}

/**
 * Reads `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` and `docker-archive:FILE[:NAME[:TAG]]`. The path ends at its first colon, as with skopeo,
 * because tags may have colons.
 *
 * @param text what the user wrote
 * @param workingDirectory relative paths start here
 * @throws BoxliteError `invalid_argument` (field `image`), `unsupported` for other tools' transports
 */
export function parseLocalReference(text: string, workingDirectory: string = process.cwd()): LocalReference {
  const foreign = FOREIGN_KIND.exec(text);
  if (foreign !== null) {
    throw new BoxliteError('unsupported', `images of the kind "${foreign[1] ?? foreign[2]}" cannot be read`, {
      hint: 'convert it to an OCI layout: skopeo copy <image> oci:DIR',
      details: { field: 'image' },
    });
  }
  const kind = LOCAL_KIND.exec(text)?.[1] as LocalReference['kind'] | undefined;
  if (kind === undefined) {
    throw invalidLocal(text, 'it starts with none of "oci:", "oci-archive:" and "docker-archive:"');
  }
  const rest = text.slice(kind.length + 1);
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '') throw invalidLocal(text, 'the path is empty');
  if (path.length > MAX_PATH_LENGTH) throw invalidLocal(text, `the path is longer than ${MAX_PATH_LENGTH} characters`);
  if (path.includes('\0')) throw invalidLocal(text, 'the path has a NUL character');
  if (tag !== undefined && (tag.length > MAX_TAG_LENGTH || !TAG.test(tag))) {
    throw invalidLocal(
      text,
      `what follows ${JSON.stringify(escapeText(path, 160))} is not a tag (paths with ":" cannot be named)`,
    );
  }
  const image = tag === undefined || kind !== 'docker-archive' ? tag : formatImageReference(parseImageReference(tag));
  return { kind, path: resolve(workingDirectory, path), ...(image === undefined ? {} : { tag: image }) };
}

/** The canonical text of a reference; parses to an equal one. */
export function formatLocalReference(reference: LocalReference): string {
  return `${reference.kind}:${reference.path}${reference.tag === undefined ? '' : `:${reference.tag}`}`;
}

function invalidLocal(text: string, why: string): BoxliteError {
  return new BoxliteError('invalid_argument', `image ${JSON.stringify(escapeText(text, 160))} is not valid: ${why}`, {
    hint: 'write it as oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME[:TAG]]',
    details: { field: 'image' },
  });
}
