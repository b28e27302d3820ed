import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CONVERTER = fileURLToPath(new URL('convert-tar.mjs', import.meta.url));
/** What a box gets by default. */
export const DISK_BYTES = 10 * 1024 ** 3;

/**
 * Converts an archive in a process of its own.
 * @returns `seconds` of the whole process, `convertSeconds` without Node's start, `cpuSeconds`, `peakMib`
 */
export function convertTarFile(tar, target) {
  const begun = performance.now();
  const output = execFileSync(process.execPath, [CONVERTER, tar, target, String(DISK_BYTES)], { encoding: 'utf8' });
  const { seconds, ...figures } = JSON.parse(output);
  return { seconds: (performance.now() - begun) / 1000, convertSeconds: seconds, ...figures };
}
