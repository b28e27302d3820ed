import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BoxliteError } from '@boxlite/core';
import { INFO_FD, NAMESPACES, RELEASE_FD, SCRIPT_FD, TOOLS, VIEW, viewScript } from './view-script.js';

/**
 * A sandbox over `unshare` and `mount` (util-linux 2.38 or later): user, mount, pid, network, IPC, UTS and cgroup namespaces, and a view
 * of the file system that holds the granted paths and nothing else. Works as root and as an ordinary user.
 * @returns {import('@boxlite/core').Sandbox}
 */
export function unshareSandbox() {
  return {
    name: 'unshare',
    async isAvailable() {
      try {
        const trial = [...NAMESPACES, '--net', '--fork', TOOLS.mount, '-t', 'tmpfs', 'tmpfs', VIEW];
        await promisify(execFile)(TOOLS.unshare, trial, { env: {}, timeout: 10_000 });
        return { available: true };
      } catch (thrown) {
        const reason = thrown.stderr?.trim() || thrown.message;
        return { available: false, reason, remedy: 'install util-linux 2.38 or later, and allow user namespaces' };
      }
    },
    async setup({ sandboxProfile, symlinks = [], paths }) {
      refuseIf(sandboxProfile !== undefined, 'sandboxProfile', 'a sandbox profile is a macOS matter');
      const stray = symlinks.find(({ path }) => !path.startsWith('/tmp/'));
      refuseIf(stray !== undefined, 'symlinks', `the link ${stray?.path} is not in the view's own /tmp`);
      const wide = paths.find(
        ({ path }) => path === '/' || `${path}/`.startsWith(`${VIEW}/`) || path.startsWith('/proc/'),
      );
      refuseIf(wide !== undefined, 'paths', `${wide?.path} cannot be granted`);
      return { degradations: [] };
    },
    apply(context, command) {
      // The script holds every path of the view: in a file, not on the command line, which all users of the host can read.
      const script = new TextEncoder().encode(viewScript(context, command));
      return {
        binary: TOOLS.unshare,
        args: [...NAMESPACES, ...(context.networkEnabled ? [] : ['--net']), TOOLS.sh, `/proc/self/fd/${SCRIPT_FD}`],
        env: {},
        pidReport: { kind: 'bubblewrap', infoFd: INFO_FD, blockFd: RELEASE_FD },
        dataFds: [{ fd: SCRIPT_FD, data: script }],
      };
    },
  };
}

function refuseIf(isWrong, field, why) {
  if (!isWrong) return;
  const hint = `leave it out of ${field}, or use another sandbox`;
  throw new BoxliteError('sandbox_unavailable', `unshare cannot confine this command: ${why}`, {
    hint,
    details: { field },
  });
}
