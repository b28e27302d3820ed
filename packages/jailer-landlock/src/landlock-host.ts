import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { nativeBinary } from '@boxlite/platform';

/** What the sandbox asks the machine; tests bring their own. */
export interface LandlockHost {
  readonly platform: string;
  /** @throws BoxliteError of `nativeBinary` where there is none */
  helperPath(): string;
  /** A version; or `absent`, `disabled`, or the error the kernel gave. */
  version(helper: string): Promise<number | string>;
  /** Such as `6.1.0-25-amd64`. */
  kernelRelease(): string;
  /** The security modules of this boot, comma-separated; undefined where that cannot be read. */
  securityModules(): Promise<string | undefined>;
  ids(): { readonly uid: number; readonly gid: number };
}

/** The helper answers in a millisecond. */
const PROBE_TIMEOUT_MS = 10_000;

export const thisHost: LandlockHost = {
  platform: process.platform,
  helperPath: () => nativeBinary('boxlite-landlock'),
  async version(helper) {
    const options = { env: {}, timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
    const { stdout } = await promisify(execFile)(helper, ['--version-of-kernel'], options);
    const answer = stdout.trim();
    return /^[1-9]\d{0,3}$/.test(answer) ? Number(answer) : answer;
  },
  kernelRelease: release,
  async securityModules() {
    try {
      return (await readFile('/sys/kernel/security/lsm', 'utf8')).trim();
    } catch {
      // securityfs is not mounted, or not for this user: the remedy does without the list.
      return undefined;
    }
  },
  ids: () => ({ uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }),
};
