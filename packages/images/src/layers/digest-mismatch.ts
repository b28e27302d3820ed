import { BoxliteError, type ImageLayer } from '@boxlite/core';

/** The error of a layer whose bytes are not those its image names. @param why what was found instead */
export function digestMismatch(layer: ImageLayer, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('digest_mismatch', `layer ${layer.digest} is not what its image says: ${why}`, {
    hint: 'remove the image and pull it again; if it stays, the image itself is damaged',
    details: { digest: layer.digest },
    cause,
  });
}
