/**
 * Mount points at or below a directory.
 * @param mountinfo text of `/proc/self/mountinfo` (proc_pid_mountinfo(5): field 5 is the mount point, with octal escapes)
 * @param directory canonical absolute path
 */
export function mountPointsBelow(mountinfo: string, directory: string): readonly string[] {
  const points: string[] = [];
  for (const line of mountinfo.split('\n')) {
    const field = line.split(' ')[4];
    if (field === undefined) continue;
    const point = field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (point === directory || point.startsWith(`${directory}/`)) points.push(point);
  }
  return points;
}
