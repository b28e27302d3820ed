import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From `dist/` and from `src/options/` of this package. */
const CANDIDATES = ['../starter-image/', '../../starter-image/'];

const found = CANDIDATES.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync);

/**
 * The image of a box that names none: busybox as an OCI layout that comes with this package, so that a first run needs no network.
 */
export const STARTER_IMAGE = `oci:${(found ?? fileURLToPath(new URL('../starter-image/', import.meta.url))).replace(/\/$/, '')}`;
