import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BoxLayout, emptyDirectory } from '@boxlite/layout';

/**
 * Removes what the VMM of an earlier start left where it may write, before another one runs there: what it put in the place of the agent's socket would
 * keep the box from starting. The socket itself stays: whether somebody still serves it is the supervisor's to find out. Nothing of the box runs.
 * @throws BoxliteError `storage_error`
 */
export async function clearLeftovers(box: Pick<BoxLayout, 'socketsDir' | 'agentSocket' | 'tmpDir'>): Promise<void> {
  const agentSocket = basename(box.agentSocket);
  await emptyDirectory(box.tmpDir);
  await emptyDirectory(
    box.socketsDir,
    (name) =>
      name === agentSocket && lstatSync(join(box.socketsDir, name), { throwIfNoEntry: false })?.isSocket() === true,
  );
}
