const BANNER = Buffer.from('Linux version ', 'latin1');
/** `uname -r` is at most 64 bytes (`__NEW_UTS_LEN`, linux/utsname.h). */
const RELEASE = /^(\d[\x21-\x7e]{0,63})[ \n]/;

/**
 * `uname -r` of a kernel, read from its banner.
 * @param image the kernel, uncompressed
 * @returns undefined when there is no banner (the text with `%s` in it is not one)
 */
export function kernelVersion(image: Uint8Array): string | undefined {
  const haystack = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  for (let at = haystack.indexOf(BANNER); at !== -1; at = haystack.indexOf(BANNER, at + BANNER.length)) {
    const start = at + BANNER.length;
    const release = RELEASE.exec(haystack.toString('latin1', start, start + 66))?.[1];
    if (release !== undefined) return release;
  }
  return undefined;
}
