import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * The file a command's name stands for: an absolute path stands for itself, a name is looked for in the absolute directories of a search
 * path. Undefined when there is none that may be executed.
 */
export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  if (name.includes('/')) return isAbsolute(name) && (await isProgram(name)) ? name : undefined;
  for (const directory of searchPath.split(delimiter)) {
    // What lies in the working directory is nobody's choice.
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Whatever the reason, it cannot be executed.
    return false;
  }
}
