import { parseMountTable } from './mount-table.js';

/**
 * Mount points at or below a directory.
 * @param mountinfo text of `/proc/self/mountinfo`
 * @param directory canonical absolute path
 */
export function mountPointsBelow(mountinfo: string, directory: string): readonly string[] {
  return parseMountTable(mountinfo)
    .map(({ point }) => point)
    .filter((point) => point === directory || point.startsWith(`${directory}/`));
}
