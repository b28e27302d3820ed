import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes a private directory whose blobs are there an OCI layout. @param index the text of `index.json` */
export async function finishLayout(directory: string, index: string): Promise<void> {
  await writeFile(join(directory, 'index.json'), index, { mode: 0o600 });
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }), { mode: 0o600 });
}
