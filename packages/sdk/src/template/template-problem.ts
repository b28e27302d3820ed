import { BoxliteError } from '@boxlite/core';
import { verifyLargeFile, verifySnapshotContent } from './snapshot-files.js';
import { type StoredTemplate, templateDisk } from './template-store.js';

/** Why a template cannot be used, found by reading it whole; undefined when it can. @throws what `signal` says; the errno of a file that cannot be read */
export async function templateProblem(
  { record, problem, directory }: StoredTemplate,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (record === undefined || problem !== undefined) return problem;
  try {
    await verifySnapshotContent({ memory: `${directory}/memory`, state: `${directory}/state` }, record.files, signal);
    const { image } = record;
    if (image !== undefined) await verifyLargeFile(templateDisk(directory, image), 'disk', image.disk, signal);
    return undefined;
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'snapshot_invalid')) return thrown.message;
    throw thrown;
  }
}
