import { execFileSync } from 'node:child_process';

/** Attempts at what these sandboxes were not asked to hold, or what belongs to a virtual machine's place. */
const LEFT_OUT = [
  // Limits are the supervisor's and the cgroup's business, and nobody's in the other product.
  ...['fork-bomb', 'fill-memory', 'large-file', 'fill-tmp', 'fill-log', 'exhaust-descriptors', 'burn-processor'],
  ...['leave-cgroup', 'raise-limit'],
  // Granted to a command here: programs of the system, and no listener. A number behind which /dev/null was put is open all the same.
  ...['list-usr-bin', 'inherited-socket-addresses', 'unexpected-descriptors'],
  // Seen from outside by the supervisor alone.
  ...['become-root', 'become-group-0'],
];
/** Those wait to be stopped, as a box is; a command is run to its end. */
const WAITS = /^(stay|outlive)-/;

/** What sandbox-runtime's documentation does not claim to stop; an escape there is no fault of it. */
export const NOT_MEANT_BY_SRT = new Set([
  // Its filter is for unix sockets and io_uring; the rest of the kernel is as open as to any process in a container of its user.
  ...[
    'bpf',
    'perf',
    'userfaultfd',
    'add-key',
    'read-user-keyring',
    'personality',
    'fanotify',
    'open-by-handle',
    'crypto-socket',
  ],
  ...['vsock-socket', 'raw-socket', 'packet-socket', 'kernel-log', 'disk-quota', 'raise-priority', 'real-time'],
  ...[
    'unshare-user',
    'unshare-mounts',
    'unshare-network',
    'unshare-user-and-mount',
    'clone-user-namespace',
    'host-name',
  ],
  ...['clone3-user-namespace', 'mount-tmpfs', 'mount-bind-root', 'unmount', 'fsopen', 'open-tree-clone', 'pivot-root'],
  'chroot',
  // What may be written may be executed and marked: a shell's work.
  ...['execute-written', 'execute-written-in-tmp', 'execute-from-memory', 'map-written-executable', 'set-user-id-file'],
  ...[
    'set-user-id-at-creation',
    'bounding-set',
    'dump-core',
    'device-shm',
    'device-ptmx',
    'proc-oom-score',
    'take-capability',
  ],
  // Its documentation promises nothing of descriptors the caller has open.
  ...['leaked-file', 'leaked-directory', 'leaked-pipe', 'type-at-terminal'],
  // Root stays root in a user namespace with all capabilities, which its documentation advises against; what these do concerns that namespace.
  ...['execute-set-user-id', 'proc-sys-kernel', 'reboot'],
]);

/** The attempts of the escape tests that can be made by a command with one writable directory and no network. */
export function comparedAttempts(hostile) {
  const all = execFileSync(hostile, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return all.filter((name) => !LEFT_OUT.includes(name) && !WAITS.test(name)).map((name) => ({ name }));
}
