import { toBoxliteError } from '@boxlite/core';
import type { LandlockHost } from './landlock-host.js';
import type { LandlockSandboxOptions } from './landlock-sandbox-options.js';
import { FIRST_LINUX, linuxOfVersion } from './landlock-versions.js';

/** Landlock as it is here. */
export interface FoundLandlock {
  readonly helper: string;
  readonly version: number;
}

/** Why there is none, and what would change that. */
export interface NoLandlock {
  readonly reason: string;
  readonly remedy: string;
}

/** Looks for the helper and asks the kernel. Throws nothing. */
export async function findLandlock(
  { minimumVersion = 1, helperPath }: LandlockSandboxOptions,
  host: LandlockHost,
): Promise<FoundLandlock | NoLandlock> {
  if (host.platform !== 'linux') {
    return { reason: 'Landlock is a part of Linux', remedy: 'use the seatbelt sandbox on macOS' };
  }
  let helper: string;
  let version: number | string;
  try {
    helper = helperPath ?? host.helperPath();
    version = await host.version(helper);
  } catch (thrown) {
    const { message, hint } = toBoxliteError(thrown, 'internal', 'asking the kernel for Landlock');
    return { reason: message, remedy: hint ?? 'install again: npm install --include=optional' };
  }
  if (typeof version === 'string') return await diagnose(version, host);
  if (version < minimumVersion) {
    return {
      reason: `this kernel has Landlock's ABI ${version}, and ${minimumVersion} was asked for`,
      remedy: `boot Linux ${linuxOfVersion(minimumVersion)} or later, or ask for less (minimumVersion)`,
    };
  }
  return { helper, version };
}

async function diagnose(answer: string, host: LandlockHost): Promise<NoLandlock> {
  const release = host.kernelRelease();
  if (answer === 'disabled') return disabledAtBoot(await host.securityModules());
  if (answer !== 'absent') {
    return {
      reason: `the kernel refuses to tell of Landlock: ${answer}`,
      remedy: 'inside a container, allow the landlock_* system calls (for Docker: --security-opt seccomp=unconfined)',
    };
  }
  if (isOlder(release, FIRST_LINUX)) {
    return {
      reason: `this kernel (Linux ${release}) is older than Landlock`,
      remedy: `boot Linux ${FIRST_LINUX} or later, better ${linuxOfVersion(6)}`,
    };
  }
  return {
    reason: `this kernel (Linux ${release}) was built without Landlock, or a filter hides it`,
    remedy:
      'boot a kernel with CONFIG_SECURITY_LANDLOCK=y; inside a container, allow the landlock_* system calls (for Docker: ' +
      '--security-opt seccomp=unconfined)',
  };
}

function disabledAtBoot(modules: string | undefined): NoLandlock {
  // "capability" is always there and is not named on the command line.
  const others = modules?.split(',').filter((name) => name !== '' && name !== 'capability' && name !== 'landlock');
  const list = others === undefined ? 'landlock,<the modules you have now>' : ['landlock', ...others].join(',');
  return {
    reason: `Landlock was not enabled when this kernel was booted${modules === undefined ? '' : ` (security modules: ${modules})`}`,
    remedy: `add lsm=${list} to the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and reboot`,
  };
}

/** Compares major and minor number; an unreadable release is not older. */
function isOlder(release: string, than: string): boolean {
  const [major = Number.NaN, minor = Number.NaN] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
