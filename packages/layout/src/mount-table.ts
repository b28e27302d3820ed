/** One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly point: string;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** The directory of that file system that is shown at `point`. */
  readonly root: string;
  /** `ext4`, `proc`, ... */
  readonly type: string;
}

/** A directory of a file system, wherever it is mounted. */
export interface FilesystemPlace {
  readonly device: string;
  /** Absolute in the file system; `/` is its root. */
  readonly path: string;
  readonly type: string;
}

/** @param mountinfo text of `/proc/self/mountinfo`; lines that are none are left out */
export function parseMountTable(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , device, root, point] = line.split(' ');
    const type = / - (\S+)/.exec(line)?.[1];
    if (device === undefined || root === undefined || point === undefined || type === undefined) return [];
    return [{ device, type, root: plainText(root), point: plainText(point) }];
  });
}

/**
 * What somebody sees who is shown a directory with the mounts below it: its own place first. A bind mount shows a place under another
 * name, so that names do not tell what a directory is.
 * @param path canonical
 */
export function placesShown(table: readonly Mount[], path: string): readonly FilesystemPlace[] {
  const above = table.filter(({ point }) => isWithin(point, path));
  // The deepest decides; of several at one point the last was mounted over the others.
  const own = above.reduce<Mount | undefined>(
    (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
    undefined,
  );
  const below = table.filter(({ point }) => point !== path && isWithin(path, point));
  return [
    ...(own === undefined
      ? []
      : [{ ...own, path: join(own.root, path.slice(own.point === '/' ? 0 : own.point.length)) }]),
    ...below.map((mount) => ({ ...mount, path: mount.root })),
  ].map(({ device, type, path: inside }) => ({ device, type, path: inside }));
}

/** True if one place is another, or contains it. */
export function showsPlace(outer: FilesystemPlace, inner: FilesystemPlace): boolean {
  return outer.device === inner.device && isWithin(outer.path, inner.path);
}

function join(root: string, rest: string): string {
  const joined = `${root === '/' ? '' : root}${rest === '/' ? '' : rest}`;
  return joined === '' ? '/' : joined;
}

function isWithin(directory: string, path: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** Blanks, tabs, line breaks and backslashes are octal. */
function plainText(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
