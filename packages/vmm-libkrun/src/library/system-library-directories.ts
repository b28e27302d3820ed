/** Debian's name of each architecture, part of its library directories. */
const TRIPLETS: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/**
 * Where a system keeps 64-bit libraries, in the order of trial: the distribution's own places before what was built by hand.
 * Fedora: `lib64`. Debian: the directory with the triplet. Arch: `lib`. macOS: the two prefixes of Homebrew (Apple silicon, Intel).
 * @param platform as `process.platform`
 * @param architecture as `process.arch`
 */
export function systemLibraryDirectories(platform: string, architecture: string): readonly string[] {
  if (platform === 'darwin') {
    return architecture === 'arm64' ? ['/opt/homebrew/lib', '/usr/local/lib'] : ['/usr/local/lib'];
  }
  if (platform !== 'linux') return [];
  const triplet = TRIPLETS[architecture];
  return ['/usr', '/usr/local'].flatMap((prefix) => [
    ...(triplet === undefined ? [] : [`${prefix}/lib/${triplet}`]),
    `${prefix}/lib64`,
    `${prefix}/lib`,
  ]);
}

/**
 * Files in a directory that may be libkrun: the soname first, because that is the distribution's choice, then the newest.
 * @param names what the directory holds
 * @param platform as `process.platform`
 */
export function libraryNames(names: readonly string[], platform: string): readonly string[] {
  const pattern = platform === 'darwin' ? /^libkrun\.1(\.\d{1,4}){0,2}\.dylib$/ : /^libkrun\.so\.1(\.\d{1,4}){0,2}$/;
  const soname = platform === 'darwin' ? 'libkrun.1.dylib' : 'libkrun.so.1';
  return names
    .filter((name) => pattern.test(name))
    .sort((a, b) => (a === soname ? -1 : b === soname ? 1 : b.localeCompare(a, 'en', { numeric: true })));
}
