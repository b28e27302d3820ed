import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { BoxliteError, escapeText, throwIfAborted } from '@boxlite/core';
import { tarOfDirectory } from './tar-of-directory.js';

const KIND = 'directory:';
const ARCHITECTURES = { x64: 'amd64', ia32: '386' };
const HOST = { os: 'linux', architecture: ARCHITECTURES[process.arch] ?? process.arch };
const CONFIG = {
  entrypoint: [],
  cmd: ['/bin/sh'],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  workingDir: '/',
  user: '',
  exposedPorts: [],
  labels: {},
};

/**
 * Directories of this machine as images: `directory:/base` is an image of one layer, `directory:/base:/more` has a second one on top. A layer is the
 * tar of its directory as it is when the image is resolved. Nothing is stored: the tar is made again whenever the layer is opened, and is not the
 * image's any more when the directory has changed since.
 *
 * @implements {import('@boxlite/core').ImageSource}
 */
export class DirectoryImageSource {
  id = 'directory';

  /** @param {string} reference */
  accepts(reference) {
    return reference.startsWith(KIND);
  }

  /**
   * @param {string} reference
   * @param {Parameters<import('@boxlite/core').ImageSource['resolve']>[1]} options `pull` makes no difference: it is always the directory that is asked
   * @returns {Promise<import('@boxlite/core').ResolvedImage>}
   */
  async resolve(reference, { platform = HOST, signal, onProgress = () => undefined } = {}) {
    const directories = directoriesOf(reference);
    throwIfAborted(signal, `reading ${reference}`);
    onProgress({ kind: 'resolve' });
    for (const directory of directories) await checkDirectory(directory);
    if (platform.os !== HOST.os || platform.architecture !== HOST.architecture)
      throw otherPlatform(reference, platform);
    const layers = [];
    for (const directory of directories) {
      const { digest, size } = await hashOf(tarOfDirectory(directory, signal));
      const mediaType = 'application/vnd.oci.image.layer.v1.tar';
      layers.push({ digest, diffId: digest, mediaType, size });
      onProgress({ kind: 'verify', digest, bytes: size, totalBytes: size });
    }
    const configDigest = digestOf(
      JSON.stringify({ ...HOST, config: CONFIG, layers: layers.map(({ diffId }) => diffId) }),
    );
    const manifestDigest = digestOf(JSON.stringify({ configDigest, layers }));
    onProgress({ kind: 'done' });
    return { reference, manifestDigest, configDigest, platform: HOST, config: CONFIG, layers };
  }

  /**
   * @param {import('@boxlite/core').ResolvedImage} image
   * @param {import('@boxlite/core').ImageLayer} layer
   * @param {AbortSignal} [signal]
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *openLayer(image, layer, signal) {
    const directory = directoriesOf(image.reference)[image.layers.findIndex(({ digest }) => digest === layer.digest)];
    if (directory === undefined) {
      throw new BoxliteError('not_found', `${image.reference} has no layer ${layer.digest}`, {
        details: { field: 'layer' },
      });
    }
    const hash = createHash('sha256');
    for await (const chunk of tarOfDirectory(directory, signal)) {
      hash.update(chunk);
      yield chunk;
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (digest === layer.diffId) return;
    throw new BoxliteError('digest_mismatch', `${escapeText(directory)} has changed since the image was resolved`, {
      hint: 'leave the directory alone until the box has started',
      details: { digest: layer.digest },
    });
  }
}

/** @param {string} reference */
function directoriesOf(reference) {
  const directories = reference.slice(KIND.length).split(':');
  const isPath = (path) => path.startsWith('/') && !path.includes('\0');
  if (reference.startsWith(KIND) && directories.every(isPath)) return directories;
  throw new BoxliteError('invalid_argument', `${JSON.stringify(escapeText(reference, 160))} is no directory image`, {
    hint: 'write directory:/path, or directory:/bottom:/top for layers of several',
    details: { field: 'image' },
  });
}

/** @param {string} path */
async function checkDirectory(path) {
  const status = await stat(path).catch((thrown) => {
    if (thrown.code !== 'ENOENT')
      throw new BoxliteError('storage_error', `reading ${escapeText(path)}`, { cause: thrown });
  });
  if (status?.isDirectory()) return;
  throw new BoxliteError('image_not_found', `there is no directory ${escapeText(path)}`, {
    hint: 'write directory:/path of a directory with a root file system',
    details: { field: 'image', path },
  });
}

function otherPlatform(reference, { os, architecture }) {
  return new BoxliteError(
    'platform_mismatch',
    `${reference} is for ${HOST.os}/${HOST.architecture}, not ${os}/${architecture}`,
    {
      hint: 'directories are images for this machine',
      details: { field: 'image', available: [`${HOST.os}/${HOST.architecture}`] },
    },
  );
}

async function hashOf(chunks) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

const digestOf = (text) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
