import { BoxliteError } from '@boxlite/core';

/** What a seatbelt sandbox may be told. */
export interface SeatbeltSandboxOptions {
  /** Absolute; default `/usr/bin/sandbox-exec`. */
  readonly sandboxExecPath?: string;
  /**
   * Mach services the command may look up, by their bootstrap names such as `com.apple.system.opendirectoryd.libinfo` (user names). Default none: a
   * service is a process outside that does something for whoever asks.
   */
  readonly machServices?: readonly string[];
  /** What the host is; default `process.platform`. For tests with a program that stands in for `sandbox-exec`. */
  readonly platform?: string;
}

export const DEFAULT_SANDBOX_EXEC = '/usr/bin/sandbox-exec';

/** Bootstrap names are reverse domain names; Apple's add `@` and a suffix. */
const SERVICE_NAME = /^[A-Za-z0-9._@-]{1,128}$/;

/** @throws BoxliteError `invalid_argument`, `details.field` naming the option */
export function checkSeatbeltOptions({ sandboxExecPath, machServices = [] }: SeatbeltSandboxOptions): void {
  if (sandboxExecPath !== undefined && !sandboxExecPath.startsWith('/')) {
    throw new BoxliteError(
      'invalid_argument',
      `sandboxExecPath must be absolute, not ${JSON.stringify(sandboxExecPath)}`,
      { details: { field: 'sandboxExecPath' } },
    );
  }
  const bad = machServices.findIndex((name) => !SERVICE_NAME.test(name));
  if (bad >= 0) {
    throw new BoxliteError(
      'invalid_argument',
      `machServices[${bad}] is not the name of a service: ${JSON.stringify(machServices[bad]?.slice(0, 160))}`,
      { hint: 'name it as launchd does: com.apple.…', details: { field: `machServices[${bad}]` } },
    );
  }
}
