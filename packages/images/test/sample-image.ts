import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Platform } from '@boxlite/core';
import { writeOciLayout } from '../src/index.js';
import { makeTar } from './make-tar.js';
import { temporaryDirectory } from './temporary-directory.js';

/** An image of a few incompressible layers, written as an OCI layout. */
export async function sampleImage(
  options: { layers?: number; layerBytes?: number; platform?: Platform; name?: string } = {},
) {
  const { layers = 2, layerBytes = 200_000, platform, name = 'layout' } = options;
  const directory = join(await temporaryDirectory(), name);
  const tars = await Promise.all(
    Array.from({ length: layers }, (_, index) => makeTar([{ name: `file${index}`, body: randomBytes(layerBytes) }])),
  );
  const { manifestDigest } = await writeOciLayout({
    directory,
    layers: tars.map((tar) => ({ tar })),
    config: { cmd: ['/bin/sh'], env: ['PATH=/bin'] },
    ...(platform === undefined ? {} : { platform }),
  });
  return { directory, reference: `oci:${directory}:latest`, tars, manifestDigest };
}
