import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';

export const USER = 'ann';
export const PASSWORD = 'correct horse';
// bcrypt of the password above.
const HTPASSWD = 'ann:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n';

/** A real registry that lets one user in (HTTP Basic), with an image `private/app:v1`. */
export async function startPrivateRegistry() {
  const file = join(await temporaryDirectory(), 'htpasswd');
  await writeFile(file, HTPASSWD);
  const registry = await startDockerRegistry({ auth: { htpasswd: { realm: 'test', path: file } } });
  const sample = await sampleImage({ layers: 1 });
  await registry.push(sample.reference, 'private/app:v1', ['--dest-creds', `${USER}:${PASSWORD}`]);
  return { host: registry.host, name: `${registry.host}/private/app:v1`, sample };
}
