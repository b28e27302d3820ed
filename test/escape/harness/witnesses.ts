import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Ended } from './launch.js';
import { LIMITS } from './limits.js';
import type { Listener } from './listeners.js';
import type { Victim } from './victim.js';
import type { World } from './world.js';

/** What native/src/attempt.h calls MARK. */
const MARK = 'written by the hostile program';

/** Everything that can be seen of attempts from outside the jail. */
export interface Outside {
  readonly world: World;
  readonly victim: Victim;
  readonly listeners: Readonly<
    Record<
      'bus' | 'engine' | 'otherAgent' | 'otherApi' | 'tcp' | 'tcp6' | 'udp' | 'served' | 'pipe',
      Pick<Listener, 'received'>
    >
  > & { readonly ownApi?: Pick<Listener, 'received'> };
}

/** True when an attempt came out, whatever the program says. `detail` is what it says. */
type Witness = (outside: Outside, detail: string, ended: Ended) => boolean | Promise<boolean>;

const path = (key: string) => (outside: Outside) => outside.world.parameters.get(key) ?? '';
const contains = (file: string, text: string) => existsSync(file) && readFileSync(file, 'latin1').includes(text);
const written =
  (key: string): Witness =>
  (outside) =>
    contains(path(key)(outside), MARK);
const exists =
  (key: string): Witness =>
  (outside) =>
    existsSync(path(key)(outside));
const inVolume =
  (name: string, judge: (mode: number) => boolean): Witness =>
  ({ world }) => {
    const found = statSync(join(world.writableVolume, name), { throwIfNoEntry: false });
    return found !== undefined && judge(found.mode);
  };
const secret: Witness = ({ world }, detail) => detail.includes(world.secret);
const came =
  (name: keyof Outside['listeners'], text = '<came>'): Witness =>
  ({ listeners }) =>
    listeners[name]?.received().includes(text) === true;
const asked =
  (judge: (words: readonly string[]) => boolean): Witness =>
  async ({ victim }) =>
    judge(await victim.ask('?'));

const SECRETS = [
  ...[
    'read-home-file',
    'read-ssh-key',
    'read-database',
    'read-other-box-disk',
    'read-other-box-base',
    'read-other-box-log',
  ],
  ...['read-own-ca-key', 'read-own-mounts', 'read-image-layer', 'symbolic-link-out', 'hard-link-out', 'dot-dot-out'],
  ...[
    'moved-directory-out',
    'read-process-memory',
    'steal-descriptor',
    'proc-mem',
    'proc-environ',
    'proc-cwd',
    'proc-root',
  ],
  ...['proc-fd', 'proc-1-root', 'read-user-keyring', 'open-by-handle', 'chroot', 'leaked-directory'],
];

/** Attempts that show outside. The others are judged by the error the kernel gave. */
const WITNESSES: Readonly<Record<string, Witness>> = {
  ...Object.fromEntries(SECRETS.map((name) => [name, secret])),
  'write-home-profile': written('profile'),
  'write-authorized-keys': written('authorized-keys'),
  'write-database': written('database-to-write'),
  'write-other-box-disk': written('other-disk-to-write'),
  'write-own-base': written('own-base'),
  'write-kernel': written('kernel'),
  'write-own-shim': written('shim'),
  'write-own-log': written('log-file'),
  'write-own-ca': written('ca-certificate'),
  'write-read-only-volume': written('read-only-file'),
  'create-in-box-directory': exists('new-in-box'),
  'create-in-home': exists('new-in-home'),
  'create-autostart': exists('new-autostart'),
  'create-in-other-box': exists('new-in-other-box'),
  'create-in-read-only-volume': exists('new-in-read-only'),
  'replace-shim': written('shim-to-replace'),
  'remove-other-box-disk': (outside) => !existsSync(path('other-file-to-remove')(outside)),
  'truncate-own-base': (outside) => statSync(path('base-to-truncate')(outside)).size === 0,
  'chmod-outside': (outside) => (statSync(path('file-to-open-up')(outside)).mode & 0o777) === 0o777,
  'chown-outside': (outside) => statSync(path('file-to-give-away')(outside)).uid === 12345,
  'utimes-outside': (outside) => statSync(path('file-to-date')(outside)).mtimeMs === 1000,
  'exchange-own-base': written('own-base-to-exchange'),
  'set-user-id-file': inVolume('set-user-id', (mode) => (mode & 0o4000) !== 0),
  'set-user-id-at-creation': inVolume('born-set-user-id', (mode) => (mode & 0o4000) !== 0),
  'make-device-node': inVolume('device', (mode) => (mode & 0o170000) === 0o020000),
  'remount-writable': written('file-to-remount'),
  'mount-setattr-writable': written('file-to-set'),
  'signal-process': asked(([first]) => Number(first) > 0),
  'signal-by-pidfd': asked(([, second]) => Number(second) > 0),
  'write-process-memory': asked((words) => words.slice(4).join(' ') === MARK),
  'connect-abstract-socket': asked(([, , visitors]) => Number(visitors) > 0),
  'send-abstract-datagram': asked(([, , , messages]) => Number(messages) > 0),
  'connect-message-bus': came('bus'),
  'connect-container-engine': came('engine'),
  'connect-other-box-agent': came('otherAgent'),
  'connect-other-box-api': came('otherApi'),
  'connect-loopback': came('tcp', '127.0.0.1'),
  'connect-loopback-6': came('tcp6', '::1'),
  'connect-fast-open': came('tcp', 'fast-open'),
  'connect-multipath': came('tcp', 'multipath'),
  'connect-metadata': came('tcp', '169.254.169.254'),
  'connect-outside': came('tcp', '203.0.113.7'),
  'send-loopback': came('udp', '127.0.0.1'),
  'send-metadata': came('udp', '169.254.169.254'),
  'send-outside': came('udp', '203.0.113.7'),
  'serve-port': came('served', 'served'),
  'become-root': (_outside, _detail, { seenAs }) => seenAs?.uid === 0,
  'become-group-0': (_outside, _detail, { seenAs }) => seenAs?.gid === 0,
  'leaked-file': written('leaked-file'),
  'leaked-pipe': came('pipe', MARK),
  // Twice the cap was written; the file and its one predecessor together may hold that much and no more.
  'fill-log': (_outside, _detail, { logBytes }) => logBytes > 2 * LIMITS.consoleBytes,
};

export function witnessOf(attempt: string): Witness | undefined {
  return WITNESSES[attempt];
}
